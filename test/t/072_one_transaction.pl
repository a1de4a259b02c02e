# Many imports, or drops, in one transaction cost what each of them costs alone: use counts of blocks that they share are
# updated again and again, and none of the old versions of these rows can be pruned before the end.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use MosaicTest;

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nshared_buffers = 256MB\nmax_locks_per_transaction = 256\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_mosaic;' . import_sql('fashion_base'));
my $file = data('fashion_base');
my $session = $node->background_psql('postgres', on_error_stop => 0);

# Pages that a statement touched, found in the pool or read, and rows that its scans of block_meta's indexes returned.
sub cost_of
{
	my ($statement) = @_;
	my $rows = q{SELECT sum(idx_tup_fetch) FROM pg_stat_xact_all_tables WHERE relid = 'mosaic.block_meta'::regclass};
	my $before = $session->query_safe($rows);
	my $plan = $session->query_safe("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, SUMMARY OFF, FORMAT JSON) $statement");
	my ($hit, $read) = map { $plan =~ /"Shared $_ Blocks": (\d+)/ ? $1 : die $plan } qw(Hit Read);    # of the whole statement come first
	return ($hit + $read, $session->query_safe($rows) - $before);
}

# Does each statement in turn; the last one may cost little more than the third.
sub flat
{
	my ($name, @statements) = @_;
	my (@early, @late);
	for my $i (0 .. $#statements)
	{
		if ($i == 2) { @early = cost_of($statements[$i]); }
		elsif ($i == $#statements) { @late = cost_of($statements[$i]); }
		else { $session->query_safe($statements[$i]); }
	}
	note "PAGES $name: $early[0] for the third, $late[0] for number " . @statements . "; rows of block_meta by indexes: $early[1], $late[1]";
	cmp_ok($late[0], '<', 1.3 * $early[0], "$name: pages for number " . @statements . ' as for the third');
	cmp_ok($late[1], '<=', $early[1], "$name: nor does it read more rows");
	return;
}

sub import_of { my ($name, $option) = @_; return "SELECT import_model('$name', '$file'" . ($option // '') . ')'; }

sub counts
{
	return $node->safe_psql('postgres', 'SELECT string_agg(DISTINCT models::text, $$,$$) FROM mosaic.block_meta');
}

# ---- imports ----

$session->query_safe('BEGIN');
flat('import', map { import_of("m$_") } 1 .. 250);
$session->query_safe('COMMIT');
is(counts(), 251, 'each import is counted');
store_is_sound($node, 'postgres', '250 imports in one transaction');

# ---- rolled back, wholly or to a savepoint, by name or by an exception ----

$session->query_safe('BEGIN');
$session->query_safe(import_of("r$_")) for 1 .. 3;
$session->query_safe('ROLLBACK');
is(counts(), 251, 'an import that is rolled back is not counted');

$session->query_safe('BEGIN');
$session->query_safe(import_of("a$_")) for 1 .. 3;
for my $round (1 .. 2)
{
	$session->query_safe('SAVEPOINT s');
	$session->query_safe(import_of("b$_")) for 1 .. 4;
	$session->query_safe('SAVEPOINT t');
	$session->query_safe(import_of("c$_")) for 1 .. 2;
	$session->query_safe('RELEASE t');
	$session->query_safe('ROLLBACK TO s');
	$session->query_safe(import_of("d$round"));
}
$session->query_safe("DO \$do\$ BEGIN PERFORM import_model('e', '$file'), import_model('e', '$file');
	EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END \$do\$");
$session->query_safe(import_of('f'));
$session->query_safe("SELECT drop_model('a1')");
$session->query_safe('COMMIT');
is(counts(), 256, 'what is rolled back to a savepoint is not counted, what comes before and after is');
store_is_sound($node, 'postgres', 'savepoints');

# ---- another session meanwhile: its turn comes with the commit ----

my $other = $node->background_psql('postgres', on_error_stop => 0);
$session->query_safe('BEGIN');
$session->query_safe(import_of("g$_")) for 1 .. 3;
start_statement($other, import_of('h1') . ';' . import_of('h2'));
poll_ok($node, "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'", 'another import waits');
$session->query_safe(import_of('g4'));
$session->query_safe('COMMIT');
finish_statement($other);
is(counts(), 262, 'imports of two sessions are counted');

# ---- the table is another one since ----

$session->query_safe('CREATE DATABASE spare');
my $spare = $node->background_psql('spare', on_error_stop => 0);
$spare->query_safe("CREATE EXTENSION pg_mosaic; BEGIN");
$spare->query_safe(import_of("i$_")) for 1 .. 4;
$spare->query_safe('DROP EXTENSION pg_mosaic CASCADE; CREATE EXTENSION pg_mosaic');
$spare->query_safe(import_of("i$_")) for 1 .. 4;
$spare->query_safe('COMMIT');
is($spare->query_safe('SELECT string_agg(DISTINCT models::text, $$,$$) FROM mosaic.block_meta'), 4, 'a store that was made anew meanwhile');
store_is_sound($node, 'spare', 'a new store');
$spare->query_safe("SELECT drop_model(name) FROM mosaic.models");
$spare->query_safe("BEGIN");
$spare->query_safe(import_of("j$_")) for 1 .. 3;
$spare->query_safe('SAVEPOINT s; TRUNCATE mosaic.model, mosaic.tensor, mosaic.block, mosaic.block_meta, mosaic.near_key');
$spare->query_safe(import_of("k$_")) for 1 .. 3;
$spare->query_safe('ROLLBACK TO s');
$spare->query_safe(import_of("l$_")) for 1 .. 3;
$spare->query_safe('COMMIT');
is($spare->query_safe('SELECT string_agg(DISTINCT models::text, $$,$$) FROM mosaic.block_meta'), 6, 'tables that were emptied meanwhile, and are not');
store_is_sound($node, 'spare', 'after TRUNCATE');
$spare->quit;

# ---- drops, and differences to blocks of one base ----

$session->query_safe('BEGIN');
flat('drop', map { "SELECT drop_model('m$_')" } 1 .. 250);
$session->query_safe('COMMIT');
is(counts(), 12, 'each drop is counted');
store_is_sound($node, 'postgres', '250 drops in one transaction');

my $noise = data('fashion_noise');
$session->query_safe('SELECT drop_model(name) FROM mosaic.models WHERE name <> $$fashion_base$$');
$session->query_safe('BEGIN');
flat('lossless', map { "SELECT import_model('n$_', '$noise', dedup => 'lossless')" } 1 .. 100);
$session->query_safe("SELECT drop_model('n$_')") for 2 .. 100;
$session->query_safe("SELECT import_model('n1', '$file', replace => true)") for 1 .. 2;
$session->query_safe('COMMIT');
is(counts(), 2, 'and so are differences and their bases');
store_is_sound($node, 'postgres', 'differences');

$_->quit for $session, $other;
$node->stop;
done_testing();
