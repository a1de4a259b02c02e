# Blocks keep their alignment and their bytes through crashes, dump and restore, and replication.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{MOSAIC_TEST_SEED} // time;
note "MOSAIC_TEST_SEED=$seed";

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(allows_streaming => 'logical');
$node->append_conf('postgresql.conf', "wal_level = logical\nfsync = on\nautovacuum = off\n");
$node->start;

my $setup = q{
CREATE EXTENSION pg_mosaic;
CREATE EXTENSION pageinspect;
CREATE FUNCTION payload(id int, length int) RETURNS bytea IMMUTABLE LANGUAGE sql AS
$$ SELECT decode(string_agg(md5(id || ':' || i), '' ORDER BY i), 'hex') FROM generate_series(1, length / 16) i $$;
CREATE FUNCTION length_of(id int) RETURNS int IMMUTABLE LANGUAGE sql AS
$$ SELECT CASE id % 4 WHEN 0 THEN 8064 WHEN 1 THEN 4032 WHEN 2 THEN 1984 ELSE 128 + 32 * (id % 249) END $$;
CREATE TABLE b (block_id int4 NOT NULL, data bytea NOT NULL) USING mosaic;
ALTER TABLE b ADD PRIMARY KEY (block_id);
};
$node->safe_psql('postgres', $setup);

# Every tuple of the pages, visible or not, that is not where and how a block must be.
my $misplaced = q{
SELECT count(*) > 0, count(*) FILTER (WHERE lp_off % 32 <> 0 OR lp_len % 32 <> 0 OR t_hoff <> 24
  OR t_infomask & 1 <> 0 OR get_byte(t_data, 4) + 256 * get_byte(t_data, 5) <> (lp_len - 28) * 4)
FROM generate_series(0, pg_relation_size('b') / 8192 - 1) page,
     heap_page_items(get_raw_page('b', page::int)) WHERE lp_flags = 1};
my $damaged = 'SELECT count(*) FROM b WHERE data <> payload(block_id, length_of(block_id))';
my $content = q{SELECT count(*), md5(string_agg(block_id || ':' || md5(data), ',' ORDER BY block_id)) FROM b};

sub insert_blocks
{
	my ($from, $to) = @_;
	return "INSERT INTO b SELECT i, payload(i, length_of(i)) FROM generate_series($from, $to) i;";
}

sub check
{
	my ($server, $db, $expected, $name) = @_;
	is($server->safe_psql($db, $misplaced), 't|0', "$name: tuples aligned");
	is($server->safe_psql($db, $damaged), '0', "$name: payloads intact");
	is($server->safe_psql($db, $content), $expected, "$name: same blocks") if defined $expected;
	return;
}

# Deletions, pruning, vacuum and insertions into the holes.
sub churn
{
	my ($first) = @_;
	my $share = 0.2 + rand 0.6;
	$node->safe_psql('postgres',
			insert_blocks($first, $first + 299)
		  . "DELETE FROM b WHERE mod(hashint8(block_id + $seed), 1000) / 1000.0 > $share - 1;"
		  . 'SELECT count(data) FROM b;');
	$node->safe_psql('postgres', 'VACUUM b') if rand() < 0.5;
	$node->safe_psql('postgres', 'CHECKPOINT') if rand() < 0.5;
	return;
}

# Kills the server as a crash would, and starts it once its last backend has noticed.
sub crash
{
	my ($server) = @_;
	$server->kill9;
	for (1 .. 100)
	{
		return if $server->start(fail_ok => 1);
		$server->stop('fast', fail_ok => 1);
		select undef, undef, undef, 0.1;
	}
	BAIL_OUT('the server does not start after a crash');
}

srand $seed;
churn(300 * $_) for 1 .. 5;
check($node, 'postgres', undef, 'churned');

# A crash with a load half done, and half of it on disk
my $before = $node->safe_psql('postgres', $content);
my $session = $node->background_psql('postgres');
$session->query_safe('BEGIN; ' . insert_blocks(10_001, 10_200));
$node->safe_psql('postgres', 'CHECKPOINT');
$session->query_safe(insert_blocks(10_201, 10_400));
crash($node);
eval { $session->quit };
check($node, 'postgres', $before, 'crash within a load');

# A crash right after commit
$node->safe_psql('postgres', insert_blocks(20_001, 20_300) . 'DELETE FROM b WHERE block_id % 7 = 0');
my $committed = $node->safe_psql('postgres', $content);
crash($node);
check($node, 'postgres', $committed, 'crash after commit');
$node->safe_psql('postgres', insert_blocks(30_001, 30_100) . 'DELETE FROM b WHERE block_id % 11 = 0');
$node->safe_psql('postgres', 'VACUUM b');
$node->safe_psql('postgres', insert_blocks(30_101, 30_300));
check($node, 'postgres', undef, 'holes left by the crash filled');

# pg_dump | psql, and the custom format with parallel restore
my $now = $node->safe_psql('postgres', $content);
my $dump = "$PostgreSQL::Test::Utils::tmp_check/dump";
$node->safe_psql('postgres', "CREATE DATABASE $_") for qw(plain custom logical);
$node->command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), '-f', "$dump.sql" ], 'pg_dump, plain');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('plain'), '-f', "$dump.sql" ],
	'psql restores it');
check($node, 'plain', $now, 'dump restored by psql');
$node->command_ok([ 'pg_dump', '-Fc', '-d', $node->connstr('postgres'), '-f', "$dump.custom" ], 'pg_dump, custom');
$node->command_ok([ 'pg_restore', '-j2', '-d', $node->connstr('custom'), "$dump.custom" ], 'pg_restore -j2');
check($node, 'custom', $now, 'dump restored by pg_restore');
is( $node->safe_psql('custom', q{SELECT amname, attstorage FROM pg_class c JOIN pg_am a ON a.oid = relam
		JOIN pg_attribute ON attrelid = c.oid AND attname = 'data' WHERE c.oid = 'b'::regclass}),
	'mosaic|p', 'access method and storage restored');

# A streaming standby
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
churn(40_000);
$node->safe_psql('postgres', 'VACUUM (FREEZE) b');
churn(41_000);
$node->safe_psql('postgres', 'VACUUM FULL b');
churn(42_000);
$node->wait_for_catchup($standby);
$now = $node->safe_psql('postgres', $content);
check($standby, 'postgres', $now, 'standby');
crash($standby);
check($standby, 'postgres', $now, 'standby after a crash');
$standby->promote;
$standby->safe_psql('postgres', insert_blocks(50_001, 50_100));
check($standby, 'postgres', undef, 'promoted standby');
my ($rc, $out, $err) = $standby->psql('postgres', q{INSERT INTO b VALUES (1, '\x00')}, on_error_stop => 1);
like($err, qr/payload of length 1/, 'promoted standby refuses what is no block');
$standby->stop;

# Logical replication: the initial copy, then changes
$node->safe_psql('logical', $setup);
$node->safe_psql('postgres', 'CREATE PUBLICATION p FOR TABLE b');
$node->safe_psql('postgres', q{SELECT pg_create_logical_replication_slot('s', 'pgoutput')});
$node->safe_psql('logical',
	"CREATE SUBSCRIPTION s CONNECTION '" . $node->connstr . " dbname=postgres' PUBLICATION p WITH (create_slot = false)");
$node->wait_for_subscription_sync($node, 's', 'logical');
churn(60_000);
$node->wait_for_catchup('s');
check($node, 'logical', $node->safe_psql('postgres', $content), 'subscriber');
$node->safe_psql('logical', 'DROP SUBSCRIPTION s');

$node->stop;
done_testing();
