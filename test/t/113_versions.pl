# Kept versions: through dump and restore, with the way back; on a standby; a crash during an import that replaces.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use MosaicTest;

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', "autovacuum = off\n");
$node->start;
my @files = qw(fashion_base fashion_dark fashion_noise fashion_shoes);
$node->safe_psql('postgres', 'CREATE EXTENSION pg_mosaic; CREATE ROLE reader;'
	  . join('', map { "SELECT import_model('m', '" . data($_) . "', keep => 3);" } @files) . q{
SELECT rollback_model('m'); SELECT grant_model('m', 'reader');
SELECT set_alias('prod', 'm@1', 'm@4', 0.5); SELECT grant_model('prod', 'reader')});
my $numbers = q{SELECT string_agg(concat_ws(' ', predict_as, version, current, predecessor, replaced IS NULL), ', ' ORDER BY version) FROM mosaic.versions};
my $all = predictions(qw(m m@1 m@2 m@3 m@4));
my $canary = predictions('prod');
my $shared_out = $node->safe_psql('postgres', $canary);
my $versions = $node->safe_psql('postgres', $numbers);
is($versions, 'm@1 1 f f, m@2 2 f 1 f, m 3 t 2 t, m@4 4 f 3 f', 'four versions, the third is current');
my $expected = $node->safe_psql('postgres', $all);
$node->safe_psql('postgres', import_sql(@files));
is($node->safe_psql('postgres', predictions(qw(fashion_noise fashion_base fashion_dark fashion_noise fashion_shoes))), $expected, 'each predicts what its file does');

# Dump and restore
my $dump = "$PostgreSQL::Test::Utils::tmp_check/dump";
command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('postgres') ], 'dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), $dump ], 'restore');
is($node->safe_psql('restored', "$numbers WHERE model = 'm'"), $versions, 'restored: the same versions');
is($node->safe_psql('restored', $all), $expected, 'the same predictions to the bit');
is($node->safe_psql('restored', "SET ROLE reader; $all"), $expected, 'for those who may');
is($node->safe_psql('restored', "SET ROLE reader; $canary"), $shared_out, 'and an alias that shares out as before');
is($node->safe_psql('restored', "SELECT rollback_model('m'); SELECT rollback_model('m'); SELECT rollback_model('m', 4);"
		. "SELECT blocks FROM import_model('m', '" . data('fashion_base') . "', keep => 1); $numbers WHERE model = 'm'"),
	"2\n1\n4\n253\nm\@1 1 f f, m\@4 4 f 3 f, m 5 t 4 t", 'and their way back, and numbers that go on; what the alias names stays');
is($node->safe_psql('restored', 'SELECT count(*) FROM check_store()'), '0', 'nothing is wrong');
store_is_sound($node, 'restored', 'restored');

# A standby predicts with all of them; a crash in the middle leaves all as it was
$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', $all), $expected, 'a standby predicts with kept versions');
is($standby->safe_psql('postgres', $canary), $shared_out, 'and shares out in the same way');
my ($ret, $out, $err) = $standby->psql('postgres', "SELECT rollback_model('m')", extra_params => [ '-v', 'VERBOSITY=sqlstate' ]);
like($err, qr/25006/, 'and changes nothing');
my $session = $node->background_psql('postgres', on_error_stop => 0);
$session->query_safe("BEGIN; SELECT blocks FROM import_model('m', '" . data('fashion_base') . "', keep => 1); SELECT drop_version('m', 3); SELECT rename_model('m', 'n')");
crash($node);
eval { $session->quit };
is($node->safe_psql('postgres', "$numbers WHERE model = 'm'"), $versions, 'a crash: as it was');
is($node->safe_psql('postgres', $all), $expected, 'with the same predictions');
$node->safe_psql('postgres', q{SELECT rollback_model('m', 1)});
crash($node);
is($node->safe_psql('postgres', predictions('m')), $node->safe_psql('postgres', predictions('fashion_base')), 'what was committed is there after a crash');
store_is_sound($node, 'postgres', 'after crashes');
done_testing();
