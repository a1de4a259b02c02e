# Random calls of every SQL function of the extension (bench/calls/calls.sql), with any names, types, shapes, NULLs and settings: the
# server lives, no error is an internal one, and afterwards the store is sound and a model that nobody named predicts the same. Random
# values through the binding (bench/calls/values.sql): no error is an internal one, and a value given in two ways has one outcome.
# MOSAIC_CALLS: how many calls; MOSAIC_VALUES_SECONDS: for how many seconds values, and at least 10,000; MOSAIC_CALLS_SEED: the draws, which are
# those of the day, and in continuous integration the same every day: that most functions did what they do depends on them.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use MosaicTest;

my $calls = $ENV{MOSAIC_CALLS} // 1500;
my $seed = $ENV{MOSAIC_CALLS_SEED} // ($ENV{CI} ? 155 : time % 1_000_000);
my $seconds = $ENV{MOSAIC_VALUES_SECONDS} // ($ENV{CI} ? 60 : 5);
my $dir = dirname(abs_path(__FILE__)) . '/../../bench/calls';
note "$calls calls, $seconds s of values, seed $seed";

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "autovacuum = off\nshared_buffers = 16MB\nfsync = off\nlog_statement = none\nlog_min_messages = warning\nlog_min_error_statement = panic\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_mosaic;');
$node->safe_psql('postgres', "SELECT import_model('control', '" . data('fashion_dark') . "')");
my $models = dirname(data('iris'));
my $control = q{SELECT md5(predict('control', array_fill(0.25::real, '{784}'))::text)};
my $expected = $node->safe_psql('postgres', $control);
$node->safe_psql('postgres', slurp_file("$dir/calls.sql") . "SELECT setseed($seed / 1e6); CALL calls.prepare('$models')");
my $functions = $node->safe_psql('postgres', 'SELECT count(DISTINCT proname) FROM calls.function');

my ($rc, $out, $err) = $node->psql('postgres', "SET client_min_messages = error; SELECT setseed($seed / 1e6); SET calls.models = '$models'; CALL calls.run($calls)");
my @last = slurp_file($node->logfile) =~ /LOG:  (call .*)/g;
is($rc, 0, "the server lives, and there is an argument for every type (seed $seed)") or diag($err, $last[-1] // '');
is($node->safe_psql('postgres', 'SELECT function, sqlstate, message, example FROM calls.internal'), '', 'no error is an internal one');
is($node->safe_psql('postgres', 'SELECT sum(count) FROM calls.outcomes'), $calls, 'all calls ended');
is($node->safe_psql('postgres', 'SELECT * FROM check_store()'), '', 'the store is sound');
is($node->safe_psql('postgres', $control), $expected, 'a model that nobody named predicts the same');
is($node->safe_psql('postgres', 'SELECT count(DISTINCT function) FROM calls.outcomes'), $functions, 'every function was called');
my $fine = $node->safe_psql('postgres', q{SELECT count(DISTINCT function) FROM calls.outcomes WHERE sqlstate = '00000'});
cmp_ok($fine, '>', 0.8 * $functions, "and most of them did what they do ($fine of $functions)");
is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT role, ' ' ORDER BY role) FROM calls.outcomes WHERE sqlstate = '00000'}), 'calls_importer calls_reader none',
  'by roles that are no superusers, too');
cmp_ok($node->safe_psql('postgres', q{SELECT sum(count) FROM calls.outcomes WHERE sqlstate = '42501'}), '>', 0, 'which may not all');
cmp_ok($node->safe_psql('postgres', q{SELECT coalesce(sum(count), 0) FROM calls.outcomes WHERE sqlstate = '00000' AND arguments ~ '^uuid' AND function ~ 'predict'}), '>', 0, 'contents predict');
note $node->safe_psql('postgres', q{SELECT sqlstate, sum(count) FROM calls.outcomes GROUP BY 1 ORDER BY 2 DESC});
note $node->safe_psql('postgres', q{SELECT function, string_agg(sqlstate || ':' || count, ' ' ORDER BY count DESC) FROM calls.outcomes GROUP BY 1 HAVING NOT bool_or(sqlstate = '00000')});
note $node->safe_psql('postgres', q{SELECT DISTINCT ON (function, sqlstate) function, sqlstate, left(message, 150), left(example, 200) FROM calls.outcomes WHERE sqlstate <> '00000' ORDER BY 1, 2});
note "slow: " . $node->safe_psql('postgres', 'SELECT * FROM calls.slow');

# Values, in a database whose models no call has touched.
$node->safe_psql('postgres', 'CREATE DATABASE bound');
$node->safe_psql('bound', 'CREATE EXTENSION pg_mosaic');
$node->safe_psql('bound', slurp_file("$dir/values.sql") . "CALL calls.provide_values('$models')");
my $end = time + $seconds;
for (my $batch = 0; $rc == 0 && ($batch == 0 || time < $end); $batch++)
{
	($rc, $out, $err) = $node->psql('bound', 'SELECT setseed(' . (($seed + $batch) % 1_000_000) . ' / 1e6); CALL calls.bind(10000)');
}
is($rc, 0, "the server lives through values (seed $seed)") or diag($err);
note $node->safe_psql('bound', 'SELECT sum(count) FROM calls.bound') . ' values';
is($node->safe_psql('bound', 'SELECT form, sqlstate, message, example FROM calls.bound_internal'), '', 'no value ends in an internal error');
is($node->safe_psql('bound', 'SELECT * FROM calls.differing'), '', 'a value has one outcome in two ways');
is($node->safe_psql('bound', q{SELECT string_agg(DISTINCT form, ', ' ORDER BY form) FROM calls.bound WHERE sqlstate = '00000' AND form NOT IN ('text[]', 'boolean[]')}),
  $node->safe_psql('bound', q{SELECT string_agg(DISTINCT form, ', ' ORDER BY form) FROM calls.bound WHERE form NOT IN ('text[]', 'boolean[]')}), 'values of every form are predicted');
is($node->safe_psql('bound', q{SELECT string_agg(DISTINCT model, ' ' ORDER BY model) FROM calls.bound WHERE sqlstate = '00000' AND form IN ('jsonb', 'json')}),
  'iris people places row_columns text_classifier two_inputs', 'and of every model, from JSON');
note $node->safe_psql('bound', q{SELECT form, model, sqlstate, count, left(example, 100), left(message, 100) FROM calls.bound ORDER BY 1, 2, 3});
$node->stop;
done_testing();
