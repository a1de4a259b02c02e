# A crash within an import leaves nothing half there; one right after its commit loses nothing.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use MosaicTest;

my $big = "$PostgreSQL::Test::Utils::tmp_check/big.onnx";
my $big_bytes = write_model($big, 1, [ gather => 8000, 1024 ], [ matmul => 1024, 4096 ], [ gemm => 4096, 4096 ]);
my $import_big = "SELECT count(*) FROM import_model('big', '$big')";
my $predict_big = q{SELECT md5(predict('big', '{1,7999,77}'::int[])::text)};
my $contents = q{SELECT (SELECT count(*) FROM mosaic.block), (SELECT count(*) FROM mosaic.block_meta),
  (SELECT count(*) FROM mosaic.tensor), (SELECT string_agg(name, ',' ORDER BY name) FROM mosaic.model)};
my $size = q{SELECT pg_relation_size('mosaic.block')};
my @models = qw(fashion_base fashion_noise iris text_classifier);

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(allows_streaming => 1);    # wal_level = replica
$node->append_conf('postgresql.conf', "autovacuum = off\nmax_wal_size = 4GB\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_mosaic;' . import_sql(@models));
my $expected = $node->safe_psql('postgres', predictions(@models));
my $before = $node->safe_psql('postgres', $contents);
my $size_before = $node->safe_psql('postgres', $size);

# Kills the server when the import has stored that many blocks; the sequence shows how far it is.
sub crash_within_import
{
	my ($statement, $blocks, $name) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = backend_of($session);
	$node->safe_psql('postgres', 'VACUUM (TRUNCATE false) mosaic.block');
	my $start = $node->safe_psql('postgres', 'SELECT last_value FROM mosaic.block_id_seq');
	start_statement($session, $statement);
	poll_ok($node, "(SELECT last_value FROM mosaic.block_id_seq) > $start + $blocks", "$name: import under way");
	$node->safe_psql('postgres', 'CHECKPOINT');
	is($node->safe_psql('postgres', "SELECT state FROM pg_stat_activity WHERE pid = $pid"),
		'active', "$name: killed within the import");
	crash($node);
	eval { $session->quit };
	is($node->safe_psql('postgres', $contents), $before, "$name: the store is as before");
	store_is_sound($node, 'postgres', $name);
	is($node->safe_psql('postgres', predictions(@models)), $expected, "$name: predictions are as before");
	return;
}

crash_within_import($import_big, 500, 'early crash');
crash_within_import($import_big, 10_000, 'late crash');
my ($rc, $out, $err) = $node->psql('postgres', $predict_big);
like($err, qr/model "big" does not exist/, 'no model of the import');

# The space of the dead is used again: the file grows to what one import needs, not to what three wrote.
$node->safe_psql('postgres', 'VACUUM (TRUNCATE false) mosaic.block');
is($node->safe_psql('postgres', $import_big), '1', 'the next import works');
cmp_ok($node->safe_psql('postgres', $size) - $size_before, '<', 1.1 * $big_bytes, 'and takes the place of what the crashes left');
store_is_sound($node, 'postgres', 'next import');
my $big_expected = $node->safe_psql('postgres', $predict_big);

# Right after the commit
$node->safe_psql('postgres', 'CHECKPOINT');
$node->safe_psql('postgres', "SELECT drop_model('big')");
$node->safe_psql('postgres', "SELECT import_model('fashion_dark', '" . data('fashion_dark') . "')");
crash($node);
store_is_sound($node, 'postgres', 'crash after commit');
is($node->safe_psql('postgres', q{SELECT string_agg(name, ',' ORDER BY name) FROM mosaic.model}),
	'fashion_base,fashion_dark,fashion_noise,iris,text_classifier', 'a drop and an import survive');
$node->safe_psql('postgres', $import_big);
crash($node);
is($node->safe_psql('postgres', $predict_big), $big_expected, 'a large import right after its commit: same prediction');
push @models, 'fashion_dark';
$expected = $node->safe_psql('postgres', predictions(@models));
store_is_sound($node, 'postgres', 'crash after the commit of a large import');

# A crash within a replacement leaves the old version
$before = $node->safe_psql('postgres', $contents);
write_model($big, 2, [ gather => 8000, 1024 ], [ matmul => 1024, 4096 ], [ gemm => 4096, 4096 ]);
crash_within_import("SELECT count(*) FROM import_model('big', '$big', replace => true)", 10_000, 'crash within replace');
is($node->safe_psql('postgres', $predict_big), $big_expected, 'the old version predicts as before');
$node->stop;
$node->clean_node;

# wal_level = minimal writes no WAL for tables made in the same transaction
my $minimal = PostgreSQL::Test::Cluster->new('minimal');
$minimal->init;
$minimal->append_conf('postgresql.conf', "wal_level = minimal\nmax_wal_senders = 0\n");
$minimal->start;
$minimal->safe_psql('postgres', 'BEGIN; CREATE EXTENSION pg_mosaic;' . import_sql(@models) . 'COMMIT;');
crash($minimal);
is($minimal->safe_psql('postgres', predictions(@models)), $expected, 'wal_level minimal, extension and models in one transaction');
store_is_sound($minimal, 'postgres', 'wal_level minimal');
$minimal->stop;

unlink $big;
done_testing();
