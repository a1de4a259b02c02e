# More than one machine, with PostgreSQL's means (docs/scale_out.md): models come to two other servers by logical replication, a
# transaction at a time; rows are spread over three by postgres_fdw, and each is predicted where it is.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use MosaicTest;

my @models = qw(iris fashion_base text_classifier);
my $digest = predictions(@models);
my %node;
for my $name (qw(one two three))
{
	$node{$name} = PostgreSQL::Test::Cluster->new($name);
	$node{$name}->init(allows_streaming => 'logical');
	$node{$name}->append_conf('postgresql.conf', "autovacuum = off\nmax_sync_workers_per_subscription = 4\nmax_worker_processes = 20\nmax_logical_replication_workers = 10\n");
	$node{$name}->start;
	$node{$name}->safe_psql('postgres', 'CREATE ROLE analyst; CREATE EXTENSION pg_mosaic; CREATE EXTENSION postgres_fdw');
}
my ($one, @others) = @node{qw(one two three)};

# ---- models, by logical replication of their schema ----

$one->safe_psql('postgres', import_sql(@models) . q{CREATE PUBLICATION models FOR TABLES IN SCHEMA mosaic});
for my $node (@others)
{
	my $name = $node->name;
	$node->safe_psql('postgres', "CREATE SUBSCRIPTION models_$name CONNECTION '" . $one->connstr . " dbname=postgres' PUBLICATION models");
}
$_->wait_for_subscription_sync($one, 'models_' . $_->name) for @others;
my $expected = $one->safe_psql('postgres', $digest);
for my $node (@others)
{
	is($node->safe_psql('postgres', $digest), $expected, $node->name . ': the models are there, and predict the same bits');
	is($node->safe_psql('postgres', q{SELECT problem, count(*) FROM check_store() GROUP BY 1}), 'sequence behind|3', $node->name . ': all but the sequences');
}

# A model appears with its last block, or not at all; a version takes over from the next statement on
sub catch_up { $one->wait_for_catchup('models_' . $_->name) for @others; return; }
my @watch;
for my $node (@others)
{
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	start_statement($session, q{
DO $$
DECLARE p int; first int; n int := 0;
BEGIN
  FOR i IN 1..100000 LOOP
    BEGIN
      p := predict_class('late', array_fill(0.5::real, '{784}'));
      n := n + 1;
      EXIT WHEN n = 20;
    EXCEPTION WHEN undefined_object THEN PERFORM pg_sleep(0.001);
    END;
  END LOOP;
  RAISE NOTICE 'predicted %', n;
END $$});
	push @watch, $session;
}
$one->safe_psql('postgres', q{
BEGIN;
SELECT import_model('late', '} . data('fashion_noise') . q{', dedup => 'lossless');
SELECT set_alias('prod', 'late'), grant_model('late', 'analyst');
SELECT import_model('fashion_base', '} . data('fashion_shoes') . q{', keep => 1);
COMMIT});
for my $session (@watch)
{
	my (undef, $err) = finish_statement($session);
	like($err, qr/^\S*\s*NOTICE:  predicted 20$/, 'a session that asks all the time gets 42704 or an answer, and never part of a model');
	$session->quit;
}
catch_up();
for my $node (@others)
{
	is($node->safe_psql('postgres', "SET ROLE analyst; SELECT predict_class('late', array_fill(0.5::real, '{784}')) = predict_class('late', array_fill(0.5::real, '{784}'))"), 't', $node->name . ': grants come along');
	is($node->safe_psql('postgres', 'SELECT array_agg(predict_as ORDER BY predict_as) FROM mosaic.versions'), '{fashion_base,fashion_base@1,iris,late,text_classifier}', $node->name . ': versions, too');
}

# Packing, here and there; merges, drops
$one->safe_psql('postgres', q{SELECT drop_model('iris'); SELECT import_model('iris', '} . data('iris') . q{'); SELECT pack_models()});
# What arrives while it is packed makes it end with 40001.
my $packed = -1;
for (1 .. 100)
{
	($packed, undef, my $error) = $others[0]->psql('postgres', 'SELECT pack_models()');
	last if $packed == 0 || $error !~ /the store was changed while it was packed/;
}
is($packed, 0, 'two: packed');
$one->safe_psql('postgres', q{SELECT drop_version('fashion_base', 1); SELECT rename_model('text_classifier', 'texts'); SELECT rename_model('texts', 'text_classifier')});
catch_up();
$expected = $one->safe_psql('postgres', $digest);
for my $node ($one, @others)
{
	is($node->safe_psql('postgres', $digest), $expected, $node->name . ': the same, after packing, drops and a new version');
	is($node->safe_psql('postgres', q{SELECT string_agg(problem || ' ' || detail, '; ') FROM check_store() WHERE problem <> 'sequence behind'}), '', $node->name . ': sound');
}

# The first is lost: the second goes on as the one that imports
$others[0]->safe_psql('postgres', q{ALTER SUBSCRIPTION models_two DISABLE; SELECT repair_store()});
is($others[0]->safe_psql('postgres', q{SELECT count(*) FROM check_store()}), '0', 'repair_store() sets the sequences');
is($others[0]->safe_psql('postgres', q{BEGIN; SELECT blocks > 0 FROM import_model('own', '} . data('fashion_dark') . q{'); ROLLBACK}), 't', 'then it can import');
$others[0]->safe_psql('postgres', 'ALTER SUBSCRIPTION models_two ENABLE');

# ---- rows, by postgres_fdw ----

my $content = $one->safe_psql('postgres', q{SELECT content_id('iris')});
catch_up();
my $rows = q{SELECT r AS region, i AS id, ARRAY[i % 79 / 10.0, i % 44 / 10.0, i % 69 / 10.0, i % 25 / 10.0]::real[] AS f FROM generate_series(1, 3000) i, LATERAL (SELECT (ARRAY['eu', 'us', 'asia'])[i % 3 + 1]) x (r)};
my %region = (one => 'eu', two => 'us', three => 'asia');
$one->safe_psql('postgres', "CREATE TABLE whole AS $rows; ANALYZE whole; CREATE TABLE t (region text, id int, f real[]) PARTITION BY LIST (region)");
for my $name (sort keys %node)
{
	my $node = $node{$name};
	my $region = $region{$name};
	$node->safe_psql('postgres', "CREATE TABLE t_$region AS SELECT * FROM ($rows) x WHERE region = '$region'; ANALYZE t_$region;
		CREATE VIEW scored AS SELECT region, id, f, predict_class('iris', f) AS class FROM t_$region");
	my ($host, $port) = ($node->host, $node->port);
	$one->safe_psql('postgres', qq{CREATE SERVER $name FOREIGN DATA WRAPPER postgres_fdw
		OPTIONS (host '$host', port '$port', dbname 'postgres', extensions 'pg_mosaic', async_capable 'true', fetch_size '1000');
		CREATE USER MAPPING FOR CURRENT_USER SERVER $name});
	$one->safe_psql('postgres', $name eq 'one' ? qq{ALTER TABLE t ATTACH PARTITION t_$region FOR VALUES IN ('$region')}
		: qq{CREATE FOREIGN TABLE t_$region PARTITION OF t FOR VALUES IN ('$region') SERVER $name; ANALYZE t_$region});
}

# Counters begin at zero; what each server has predicted since
sub reset_all { $_->safe_psql('postgres', 'SELECT mosaic.stat_reset()') for values %node; return; }
sub predicted
{
	return join ' ', map { $_ . '=' . $node{$_}->safe_psql('postgres', q{SELECT pg_stat_clear_snapshot(); SELECT rows || CASE WHEN batched_rows = rows THEN '' ELSE ' singly' END FROM mosaic.stat_models WHERE model = 'iris'}) =~ s/^\n//r } qw(one two three);
}
sub explained { return $one->safe_psql('postgres', "SET enable_partitionwise_aggregate = on; EXPLAIN (VERBOSE, COSTS OFF) $_[0]"); }

my $where = "SELECT region, id FROM %s WHERE predict_class('$content'::uuid, f) = 1 ORDER BY 1, 2";
like(explained(sprintf $where, 't'), qr/Remote SQL: SELECT region, id FROM public\.t_us WHERE \(\(public\.predict_class\('$content'::uuid, f\) = 1\)\)/,
	'a condition on a content is the remote server\'s');
reset_all();
my $answer = $one->safe_psql('postgres', sprintf $where, 't');
is(predicted(), 'one=1000 two=1000 three=1000', 'each row is predicted on its own server, in batches');
is($answer, $one->safe_psql('postgres', sprintf $where, 'whole'), 'three servers answer as one');

my $group = "SELECT region, count(*) FROM %s WHERE predict_class('$content'::uuid, f) = 1 GROUP BY region";
like(explained(sprintf $group, 't'), qr/Async Foreign Scan\n[^>]*Remote SQL: SELECT region, count\(\*\) FROM public\.t_asia WHERE \(\(public\.predict_class\('$content'::uuid, f\) = 1\)\) GROUP BY 1/, 'so are aggregates, of all servers at the same time');
reset_all();
$answer = join "\n", sort split /\n/, $one->safe_psql('postgres', 'SET enable_partitionwise_aggregate = on; ' . sprintf $group, 't');
is(predicted(), 'one=1000 two=1000 three=1000', 'aggregates: each row on its own server');
is($answer, join("\n", sort split /\n/, $one->safe_psql('postgres', sprintf $group, 'whole')), 'aggregates: three servers answer as one');

# Features that are fetched, and predicted here: what an Append would have waited for is not skipped
for my $query ("SELECT region, id, predict_class('iris', f) FROM %s", "SELECT region, id, predict_class('$content'::uuid, f) FROM %s", "SELECT region, id FROM %s WHERE predict_class('iris', f) = 1",
	"SELECT predict_class('iris', f), count(*) FROM %s GROUP BY 1")
{
	my ($spread, $whole) = map { join "\n", sort split /\n/, $one->safe_psql('postgres', sprintf $query, $_) } qw(t whole);
	is($spread, $whole, "predicted here: $query");
}

# Predictions as a column: of views there, by name
$one->safe_psql('postgres', 'CREATE TABLE scores (region text, id int, f real[], class int) PARTITION BY LIST (region);'
	. join '', map { "CREATE FOREIGN TABLE scores_$_ PARTITION OF scores FOR VALUES IN ('$region{$_}') SERVER $_ OPTIONS (table_name 'scored');" } qw(one two three));
my $column = 'SELECT region, id, class FROM scores';
like(explained($column), qr/Append.*Async Foreign Scan on public\.scores_two.*Remote SQL: SELECT region, id, class FROM public\.scored/s, 'a column of a view there, asked for at the same time');
my $classes = 'SELECT region, class, count(*) FROM scores GROUP BY 1, 2 ORDER BY 1, 2';
like(explained($classes), qr/Remote SQL: SELECT region, class, count\(\*\) FROM public\.scored GROUP BY 1, 2/, 'grouped by it, there');
for my $query ([ "$column ORDER BY 1, 2", q{SELECT region, id, predict_class('iris', f) FROM whole ORDER BY 1, 2}, 'a column' ],
	[ $classes, q{SELECT region, predict_class('iris', f), count(*) FROM whole GROUP BY 1, 2 ORDER BY 1, 2}, 'groups' ])
{
	reset_all();
	$answer = $one->safe_psql('postgres', "SET enable_partitionwise_aggregate = on; $query->[0]");
	is(predicted(), 'one=1000 two=1000 three=1000', "$query->[2]: each row on its own server, in batches");
	is($answer, $one->safe_psql('postgres', $query->[1]), "$query->[2]: three servers answer as one");
}
reset_all();
$one->safe_psql('postgres', 'SELECT region, id FROM scores');
is(predicted(), 'one=0 two=0 three=0', 'what is not asked for is not predicted');

# A new version everywhere at once, as far as each server's transactions go
$one->safe_psql('postgres', q{SELECT import_model('iris', '} . data('iris_bfloat16') . q{', replace => true)});
catch_up();
is($one->safe_psql('postgres', "$column ORDER BY 1, 2"), $one->safe_psql('postgres', "SELECT region, id, predict_class('iris', f) FROM whole ORDER BY 1, 2"), 'a new version: the next query has it on all servers');
my ($rc, $out, $err) = $one->psql('postgres', sprintf $where, 't');
like($err, qr/no model|content/, 'a content that is gone is an error, never another answer');
$_->safe_psql('postgres', 'DROP SUBSCRIPTION models_' . $_->name) for @others;
done_testing();
