# A streaming standby predicts as its primary does, to the bit, and refuses to change models; promoted, it imports.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use MosaicTest;

my $big = "$PostgreSQL::Test::Utils::tmp_check/big.onnx";
write_model($big, 1, [ gather => 4000, 1024 ], [ matmul => 1024, 4096 ]);
my $predict_big = q{SELECT md5(predict('big', '{1,3999,77}'::int[])::text)};
my @models = qw(fashion_base fashion_noise iris text_classifier encoder_opset17);

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', "autovacuum = off\nmax_wal_size = 4GB\n");
$primary->start;
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "max_standby_streaming_delay = -1\nhot_standby_feedback = on\n");
$standby->start;

sub same_on_standby
{
	my ($query, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$primary->wait_for_catchup($standby);
	my $expected = $primary->safe_psql('postgres', $query);
	isnt($expected, '', "$name: predicted");
	return is($standby->safe_psql('postgres', $query), $expected, "$name: bit-identical on the standby");
}

$primary->safe_psql('postgres', 'CREATE EXTENSION pg_mosaic;' . import_sql(@models));
same_on_standby(predictions(@models), 'streamed');
my $cached = $standby->background_psql('postgres', on_error_stop => 0);
my $expected = $cached->query_safe(predictions(@models));

# What changes models is refused there
my %refused = (
	'import_model' => "SELECT import_model('x', '" . data('iris') . "')",
	'replace' => "SELECT import_model('iris', '" . data('iris') . "', replace => true)",
	'drop_model' => "SELECT drop_model('iris')",
	'rename_model' => "SELECT rename_model('iris', 'x')",
	'grant_model' => "SELECT grant_model('iris', 'pg_monitor')",
	'init_store' => 'SELECT init_store(63)');
for my $function (sort keys %refused)
{
	my ($rc, $out, $err) = $standby->psql('postgres', "\\set VERBOSITY sqlstate\n$refused{$function}");
	is($err, 'psql:<stdin>:2: ERROR:  25006', "$function is refused with 25006, read_only_sql_transaction");
}

# While the primary imports
my $import = $primary->background_psql('postgres', on_error_stop => 0);
$import->query_safe('BEGIN');
start_statement($import, "SELECT count(*) FROM import_model('big', '$big')");
poll_ok($primary, '(SELECT last_value FROM mosaic.block_id_seq) > 3000', 'import under way');
is($standby->safe_psql('postgres', predictions(@models)), $expected, 'new session, within an import of the primary');
is($cached->query_safe(predictions(@models)), $expected, 'session with plans, within an import of the primary');
is((finish_statement($import))[0], "1\n", 'import done');
$primary->wait_for_catchup($standby);
my ($rc, $out, $err) = $standby->psql('postgres', $predict_big);
like($err, qr/model "big" does not exist/, 'before its commit the model is not there');
$import->query_safe('COMMIT');
same_on_standby($predict_big, 'after its commit');

# A statement of the standby keeps the models of its snapshot, though the primary drops, vacuums and compacts
$cached->query_safe(q{BEGIN ISOLATION LEVEL REPEATABLE READ; DECLARE c CURSOR FOR
  SELECT md5(predict('big', ARRAY[i, i + 1])::text) FROM generate_series(1, 4) i; SELECT count(*) FROM mosaic.models});
my @rows = map { $standby->safe_psql('postgres', "SELECT md5(predict('big', ARRAY[$_, $_ + 1])::text)") } 1 .. 4;
is($cached->query_safe('FETCH 2 FROM c'), "$rows[0]\n$rows[1]", 'a cursor begins');
$primary->safe_psql('postgres', "SELECT drop_model('big')");
$primary->safe_psql('postgres', 'SELECT import_model(\'fashion_noise\', \'' . data('fashion_shoes') . '\', replace => true)');
$primary->wait_for_catchup($standby);
is($cached->query_safe('FETCH 1 FROM c'), $rows[2], 'and goes on after the drop');
is($cached->query_safe(predictions(@models)), $expected, 'its transaction sees the replaced model');
is($cached->query_safe('FETCH 1 FROM c'), $rows[3], 'the cursor ends');
$cached->query_safe('COMMIT');
same_on_standby(predictions(@models), 'replaced');
isnt($cached->query_safe(predictions(@models)), $expected, 'the session with plans sees the new version');
($rc, $out, $err) = $standby->psql('postgres', $predict_big);
like($err, qr/model "big" does not exist/, 'a dropped model is gone there');

# Blocks move; where they lay is remembered in the session's plans and in the maps
$primary->safe_psql('postgres', 'VACUUM mosaic.block');
$primary->safe_psql('postgres', 'VACUUM FULL mosaic.block');
same_on_standby(predictions(@models), 'moved');
is($cached->query_safe(predictions(@models)), $primary->safe_psql('postgres', predictions(@models)), 'moved: session with plans');

crash($standby);
same_on_standby(predictions(@models), 'after a crash of the standby');

# Promoted
$primary->stop;
$standby->promote;
$expected = $standby->safe_psql('postgres', predictions(@models));
is($standby->safe_psql('postgres', "SELECT count(*) FROM import_model('big', '$big')"), '1', 'the promoted standby imports');
is($standby->safe_psql('postgres', "SELECT blocks = blocks_shared FROM import_model('again', '" . data('fashion_base') . "')"),
	't', 'and shares blocks');
is($standby->safe_psql('postgres', predictions(@models)), $expected, 'predictions stay');
store_is_sound($standby, 'postgres', 'promoted standby');
crash($standby);
is($standby->safe_psql('postgres', predictions(@models)), $expected, 'and stay after a crash');
$standby->stop;
unlink $big;
done_testing();
