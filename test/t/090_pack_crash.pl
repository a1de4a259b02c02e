# Packing: kill -9 in each phase, a standby that predicts meanwhile, space used again after crashes.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $models = "$ENV{MOSAIC_TEST_DATA}/models";
my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', "fsync = on\nautovacuum = off\nrestart_after_crash = on\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_mosaic');

my $predictions = q{SELECT md5(string_agg(predict(m, array_fill(0.5::real, '{784}'))::text, ',' ORDER BY m)) FROM unnest('{base,dark}'::text[]) m};
my $places = q{SELECT md5(string_agg(block_id || ctid::text, ',' ORDER BY block_id)) FROM mosaic.block};
my $problems = q{SELECT coalesce(string_agg(DISTINCT problem, ','), 'none') FROM check_store()};

# Kills a backend, and the server, as a crash would, and starts it once its last backend has noticed.
sub crash
{
	my ($pid, @sessions) = @_;
	# It first: else it could be done in the moment before it notices that the postmaster is gone.
	kill 'KILL', $pid;
	$node->kill9;
	eval { $_->quit } for @sessions;
	for (1 .. 100)
	{
		return if $node->start(fail_ok => 1);
		$node->stop('fast', fail_ok => 1);
		select undef, undef, undef, 0.1;
	}
	BAIL_OUT('the server does not start after a crash');
}

# A store with a hole at its beginning: all of it moves.
$node->safe_psql('postgres',
	join ' ', map { "SELECT import_model('$_', '$models/fashion_$_.onnx');" } qw(noise base dark));
$node->safe_psql('postgres', q{SELECT drop_model('noise')});
$node->safe_psql('postgres', 'VACUUM mosaic.block');
my $expected = $node->safe_psql('postgres', $predictions);

$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;

# Each phase is held up by a lock of another session, and named by mosaic.progress.
my %hold = (
	'reading maps' => 'LOCK TABLE mosaic.tensor IN ACCESS EXCLUSIVE MODE',
	'moving blocks' => 'SELECT count(*) FROM (SELECT FROM mosaic.block WHERE block_id = (SELECT max(block_id) FROM mosaic.block) FOR UPDATE) b',
	'writing places' => 'LOCK TABLE mosaic.tensor IN SHARE MODE');
for my $phase ('reading maps', 'moving blocks', 'writing places', 'before commit')
{
	my $before = $node->safe_psql('postgres', $places);
	my $holder = $node->background_psql('postgres');
	my $packer = $node->background_psql('postgres');
	my $pid = $packer->query_safe('SELECT pg_backend_pid()');
	if ($hold{$phase})
	{
		$holder->query_safe("BEGIN; $hold{$phase}");
		$packer->query_until(qr/packing/, "\\echo packing\nSELECT count(*) FROM pack_models();\n");
		ok( $node->poll_query_until('postgres', "SELECT count(*) = 1 FROM mosaic.progress p JOIN pg_locks l USING (pid) WHERE command = 'pack' AND phase = '$phase' AND NOT granted"),
			"$phase: held up");
		is($standby->safe_psql('postgres', $predictions), $expected, "$phase: the standby predicts") if $phase eq 'moving blocks';
		is($node->safe_psql('postgres', $predictions), $expected, "$phase: the primary predicts") if $phase eq 'moving blocks';
	}
	else
	{
		$packer->query_safe('BEGIN; SELECT count(*) FROM pack_models();');
		is($node->safe_psql('postgres', $predictions), $expected, "$phase: the primary predicts");
		$node->wait_for_catchup($standby);
		is($standby->safe_psql('postgres', $predictions), $expected, "$phase: the standby predicts");
	}
	# so that what was moved so far is on disk
	$node->safe_psql('postgres', 'CHECKPOINT');
	crash($pid, $holder, $packer);
	is($node->safe_psql('postgres', $places), $before, "$phase: nothing has moved");
	is($node->safe_psql('postgres', $predictions), $expected, "$phase: same predictions after the crash");
	is($node->safe_psql('postgres', $problems), 'none', "$phase: the store is sound");
}

# What crashed packings wrote is used again: the file does not grow with each.
$node->safe_psql('postgres', 'VACUUM mosaic.block');
my $size = $node->safe_psql('postgres', q{SELECT pg_relation_size('mosaic.block') / 8192});
my $blocks = $node->safe_psql('postgres', q{SELECT sum(pages_minimum) FROM mosaic.pages});
cmp_ok($size, '<=', 3 * $blocks, "$size pages after four crashes");

# And now to the end, seen by the standby as well: before vacuum, after it, with less on disk.
is($node->safe_psql('postgres', q{SELECT blocks_moved > 100 FROM pack_models() WHERE model IS NULL}), 't', 'packed');
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', $predictions), $expected, 'standby after packing');
my $reader = $standby->background_psql('postgres');
is($reader->query_safe($predictions), $expected, 'a connection of the standby that has its plan');
$node->safe_psql('postgres', 'VACUUM mosaic.block');
$node->safe_psql('postgres', 'SELECT count(*) FROM pack_models()');
$node->safe_psql('postgres', 'VACUUM mosaic.block');
$node->wait_for_catchup($standby);
is($reader->query_safe($predictions), $expected, 'the same after vacuum: old places are not trusted');
$reader->quit;
is($standby->safe_psql('postgres', $problems), 'none', 'check_store() on the standby');
is($standby->safe_psql('postgres', q{SELECT blocks_moved FROM pack_models(dry_run => true) WHERE model IS NULL}), '0', 'dry run on the standby');
my ($rc, $out, $err) = $standby->psql('postgres', 'SELECT * FROM pack_models()');
like($err, qr/cannot execute changing models/, 'packing on the standby is refused');
my ($file, $need) = split /\|/, $node->safe_psql('postgres', q{SELECT pg_relation_size('mosaic.block') / 8192, pages_after FROM pack_models(dry_run => true) WHERE model IS NULL});
cmp_ok($file, '<=', $need + 4, "space given back: $file pages for $need");

# A crash right after commit, with an import that crashed: no orphans.
my $session = $node->background_psql('postgres');
my $pid = $session->query_safe('SELECT pg_backend_pid()');
$session->query_safe(qq{BEGIN; SELECT import_model('shoes', '$models/fashion_noise.onnx')});
$node->safe_psql('postgres', 'CHECKPOINT');
crash($pid, $session);
is($node->safe_psql('postgres', $problems), 'none', 'no orphans after a crashed import');
is($node->safe_psql('postgres', $predictions), $expected, 'predictions to the end');
$standby->stop;
$node->stop;
done_testing();
