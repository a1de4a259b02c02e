# Near duplicates: cancel and kill -9 in each phase leave the state before; a dump keeps the index that finds them.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use MosaicTest;

my $dump = "$PostgreSQL::Test::Utils::tmp_check/near.dump";
my @models = qw(fashion_base fashion_noise);
my $digest = predictions(@models);
# All that a merge changes, and what becomes of the sequences matters not.
my $contents = 'SELECT md5(concat_ws(E\'\n\', '
  . join(', ', map { "(SELECT string_agg(t::text, E'\\n' ORDER BY t::text) FROM mosaic.$_ t)" } qw(block_meta near_key domain model tensor dedup_run dedup_decision))
  . ", (SELECT string_agg(block_id || md5(data), ',' ORDER BY block_id) FROM mosaic.block)))";

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\n");
$node->start;
# Of fashion_noise the blocks are near those of fashion_base: a domain has the latter alone, and a model to be replaced.
$node->safe_psql('postgres', 'CREATE EXTENSION pg_mosaic;' . import_sql(@models)
	  . "SELECT import_model('apart', '" . data('fashion_base') . "', domain => 'apart');"
	  . "SELECT import_model('old', '" . data('iris') . "', domain => 'apart');" . q{
CREATE TABLE pictures AS
SELECT i, (SELECT array_agg((abs(hashint4(i * 1000 + j)) % 1000 / 1000.0)::real ORDER BY j) FROM generate_series(1, 784) j) AS x
FROM generate_series(1, 40) i;
-- Waits at its 60th row, which is of the second evaluation. It counts rows by locks of the session: all else is undone.
CREATE FUNCTION slow_metric(outputs real[]) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE n int := coalesce(nullif(current_setting('test.rows', true), ''), '0')::int + 1
  + (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory' AND classid = 0 AND objid >= 1000);
BEGIN
  PERFORM pg_advisory_lock(1000 + n);
  IF n = 60 THEN PERFORM pg_advisory_xact_lock(1); END IF;
  RETURN 1;
END $$;
CREATE FUNCTION waits(x real[]) RETURNS real[] LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_advisory_xact_lock(1); RETURN x; END $$;
});
my $before = $node->safe_psql('postgres', $contents);
my $expected = $node->safe_psql('postgres', $digest);

sub unchanged
{
	my ($name) = @_;
	is($node->safe_psql('postgres', $contents), $before, "$name: the store is as before");
	is($node->safe_psql('postgres', $digest), $expected, "$name: predictions are as before");
	is($node->safe_psql('postgres', 'SELECT count(*) FROM check_store()'), '0', "$name: the store is sound");
	return;
}

my $merge = q{SELECT dedup_model('fashion_noise', %s)};
my $import = "SELECT import_model('%s', '" . data('fashion_noise') . "', dedup => 'near', validation => 'SELECT x FROM pictures', "
  . "metric_function => 'slow_metric', %s)";
my $near = "dedup => 'near', validation => 'SELECT x FROM pictures', metric => 'agreement', max_drop => 1";
my $written = "SELECT import_model('%s', '" . data('fashion_noise') . "', $near, %s)";
my $agreement = q{'SELECT x FROM pictures', 'agreement', 1};
my $ladder = q{SELECT dedup_ladder('fashion_noise', max_weight_error => 0.005, %s)};
my $stepped = "SELECT import_model('%s', '" . data('fashion_noise') . "', dedup => 'ladder', max_weight_error => 0.005, validation => 'SELECT x FROM pictures', %s)";
my $lossless = "SELECT import_model('%s', '" . data('fashion_noise') . "', dedup => 'lossless', %s)";
my $judged = q{validation => 'SELECT x FROM pictures', metric => 'agreement', max_drop => 1};
my $advisory = 'SELECT pg_advisory_lock(1)';

# Each phase is held up by a lock of another session.
my @phases = (
	[ 'search', 'LOCK TABLE mosaic.near_key IN ACCESS EXCLUSIVE MODE', sprintf $merge, $agreement ],
	[ 'rows of the validation query', $advisory, sprintf $merge, q{'SELECT waits(x) FROM pictures', 'agreement', 1} ],
	[ 'gate', $advisory, sprintf $merge, q{'SELECT x FROM pictures', metric_function => 'slow_metric'} ],
	[ 'write, blocks counted, maps not', 'LOCK TABLE mosaic.tensor IN SHARE MODE', sprintf $merge, $agreement ],
	[ 'plan', $advisory, q{SELECT count(*) FROM plan_dedup('fashion_noise', 'SELECT x FROM pictures', metric_function => 'slow_metric')} ],
	[ 'gate of an import', $advisory, sprintf $import, 'again', q{domain => 'apart'} ],
	[ 'gate of an import that replaces', $advisory, sprintf $import, 'old', 'replace => true' ],
	[ 'import, blocks written, maps not', 'LOCK TABLE mosaic.tensor IN SHARE MODE', sprintf $written, 'again', q{domain => 'apart'} ],
	[ 'import, merges written, log not', 'LOCK TABLE mosaic.dedup_decision IN SHARE MODE', sprintf $written, 'again', q{domain => 'apart'} ],
	[ 'import that replaces, maps written, old model there', 'LOCK TABLE mosaic.dedup_decision IN SHARE MODE', sprintf $written, 'old', 'replace => true' ],
	[ 'ladder, gate, nothing written', $advisory, sprintf $ladder, q{validation => 'SELECT x FROM pictures', metric_function => 'slow_metric'} ],
	[ 'ladder, blocks written, maps not', 'LOCK TABLE mosaic.tensor IN SHARE MODE', sprintf $ladder, $judged ],
	[ 'ladder, maps written, log not', 'LOCK TABLE mosaic.dedup_decision IN SHARE MODE', sprintf $ladder, $judged ],
	[ 'plan of a ladder, nothing written', $advisory, q{SELECT count(*) FROM plan_ladder('fashion_noise', 'SELECT x FROM pictures', metric_function => 'slow_metric')} ],
	[ 'gate of an import down the ladder', $advisory, sprintf $stepped, 'again', q{metric_function => 'slow_metric', domain => 'apart'} ],
	[ 'import down the ladder that replaces, maps written, old model there', 'LOCK TABLE mosaic.dedup_decision IN SHARE MODE',
		sprintf $stepped, 'old', q{metric => 'agreement', max_drop => 1, replace => true} ],
	[ 'lossless import, differences written, maps not', 'LOCK TABLE mosaic.tensor IN SHARE MODE', sprintf $lossless, 'again', q{domain => 'apart'} ],
	[ 'lossless import that replaces', 'LOCK TABLE mosaic.tensor IN SHARE MODE', sprintf $lossless, 'old', 'replace => true' ]);

for my $end (qw(cancel crash))
{
	for my $phase (@phases)
	{
		my ($name, $lock, $statement) = @$phase;
		next if $end eq 'crash' && $name =~ /nothing written/;
		my $holder = $node->background_psql('postgres', on_error_stop => 0);
		my $session = $node->background_psql('postgres', on_error_stop => 0);
		my $pid = backend_of($session);
		$session->query_safe(q{SET "test.rows" = ''});
		$holder->query_safe("BEGIN; $lock");
		start_statement($session, $statement);
		poll_ok($node, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid AND wait_event_type = 'Lock')", "$name: under way");
		if ($end eq 'cancel')
		{
			$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
			my (undef, $err) = finish_statement($session);
			like($err, qr/canceling statement due to user request/, "$name: cancelled");
			$holder->query_safe('ROLLBACK');
			is($session->query_safe($digest), $expected, "$name: the session goes on");
		}
		else
		{
			crash($node);
		}
		eval { $_->quit } for $holder, $session;
		unchanged("$end, $name");
	}
}

# What was interrupted can be done: these would have written differences.
my $differences = 'SELECT count(*) FROM mosaic.block_meta WHERE base IS NOT NULL';
for my $statement (sprintf($lossless, 'again', q{domain => 'apart'}), sprintf($stepped, 'again', q{metric => 'agreement', max_drop => 1, domain => 'apart'}), sprintf($ladder, $judged))
{
	like($node->safe_psql('postgres', "BEGIN; $statement \\g /dev/null\n$differences; ROLLBACK"), qr/^[1-9]/, 'differences by ' . substr($statement, 0, 40));
}
$node->safe_psql('postgres', "SET test.rows = '60'; " . sprintf $merge, q{'SELECT x FROM pictures', metric_function => 'slow_metric'});
isnt($node->safe_psql('postgres', $contents), $before, 'the next merge is done');
crash($node);
is($node->safe_psql('postgres', 'SELECT count(*) FROM check_store()'), '0', 'and survives a crash after its commit');
$expected = $node->safe_psql('postgres', $digest);

# Dump and restore: predictions are the same bits; later imports find what is equal and what is near.
$node->command_ok([ 'pg_dump', '-Fc', '-d', $node->connstr('postgres'), '-f', $dump ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'pg_restore', '-d', $node->connstr('restored'), $dump ], 'pg_restore');
is($node->safe_psql('restored', $digest), $expected, 'predictions are the same');
for my $table (qw(near_key block_meta domain))
{
	my $rows = "SELECT md5(string_agg(t::text, ',' ORDER BY t::text)) FROM mosaic.$table t";
	is($node->safe_psql('restored', $rows), $node->safe_psql('postgres', $rows), "mosaic.$table is the same");
}
is($node->safe_psql('restored', "SELECT blocks = blocks_shared FROM import_model('equal', '" . data('fashion_base') . "')"), 't', 'equal blocks are found');
is($node->safe_psql('restored', "SELECT blocks = blocks_shared FROM import_model('equal in domain', '" . data('fashion_base') . "', domain => 'apart')"),
	't', 'in their domain, too');
my %merged = map {
	my $db = $_;
	$db => $node->safe_psql($db, "SELECT merged > 0, merged, bytes_freed FROM import_model('near', '" . data('fashion_noise') . "', domain => 'apart', $near)")
} qw(postgres restored);
like($merged{restored}, qr/^t/, 'near ones are found');
is($merged{restored}, $merged{postgres}, 'the same as where it was dumped');
is($node->safe_psql('restored', q{SELECT count(*) FROM check_store()}), '0', 'the restored store is sound');
$node->stop;
unlink $dump;
done_testing();
