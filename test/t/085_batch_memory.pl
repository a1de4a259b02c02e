# What batches take in memory, whatever a model's outputs and activations are, and that they stay batches.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use MosaicTest;

my $wide = "$PostgreSQL::Test::Utils::tmp_check/wide.onnx";
write_model($wide, 1, [ matmul => 2, 200_000 ]);    # 0.8 MB for each row

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nshared_buffers = 128MB\nmax_parallel_workers_per_gather = 0\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_mosaic;' . import_sql('encoder_opset17') . "
SELECT import_model('wide', '$wide');
CREATE TABLE t AS SELECT i, ARRAY[i, 1]::real[] AS x FROM generate_series(1, 1000) i;
CREATE FUNCTION tokens(n int, i int) RETURNS int[] LANGUAGE sql AS 'SELECT array_agg(1 + i * j % 60) FROM generate_series(1, n) j';
CREATE TABLE texts AS SELECT i, tokens(60, i) AS x FROM generate_series(1, 600) i;
CREATE TABLE mixed AS SELECT i, tokens(CASE WHEN i % 1000 < 500 THEN 4 ELSE 60 END, i) AS x FROM generate_series(1, 2000) i;
ANALYZE t; ANALYZE texts; ANALYZE mixed;");

# Rows per batch, and by how much memory grew: the highest that it ever was.
sub measure
{
	my ($query) = @_;
	my $session = $node->background_psql('postgres');
	my $pid = backend_of($session);
	my $high = sub { open my $f, '<', "/proc/$pid/status" or die; local $/; <$f> =~ /^VmHWM:\s+(\d+) kB/m or die; return $1 / 1024 };
	$session->query_safe("SELECT count(*) FROM mosaic.models");
	my $before = $high->();
	my $plan = $session->query_safe("EXPLAIN (ANALYZE, BUFFERS OFF, FORMAT JSON) $query");
	my $grown = $high->() - $before;
	$session->quit;
	my ($rows) = $plan =~ /"Rows per Batch": ([0-9.]+)/ or die $plan;
	note sprintf 'MEMORY grew by %.1f MB, %.1f rows per batch: %s', $grown, $rows, $query;
	return ($rows, $grown);
}

# Pages of shared buffers that are touched count too: some MB here.
my ($rows, $grown) = measure(q{SELECT sum((predict('wide', x))[200000]) FROM t});
cmp_ok($grown, '<', 80, 'results of 0.8 MB each: no more than some batches');
is( $node->safe_psql('postgres', q{SELECT count(DISTINCT s) FROM (SELECT sum((predict('wide', x))[200000]::float8) s FROM t
  UNION ALL SELECT sum((predict('wide', ARRAY[i, 1]::real[]))[200000]::float8) FROM (SELECT i FROM t OFFSET 0) u) s}),
	1, 'of the same values');

# An array of 1400 times 200,000 results would take 1.1 GB: refused before it is made.
my ($result, $out, $err) = $node->psql('postgres', q{\set VERBOSITY verbose
SELECT predict('wide', array_fill(1::real, '{1400, 2}'))});
like($err, qr/53200: model "wide": inputs and outputs would take \d+ bytes, the limit is 1073741824/, 'results beyond the size of an array');
like($err, qr/HINT:  Predict fewer items at a time/, 'with the way out');

($rows, $grown) = measure(q{SELECT count(predict('encoder_opset17', x)) FROM texts});
cmp_ok($rows, '>', 30, 'texts of 60 tokens are predicted in batches, also after a short one');
cmp_ok($grown, '<', 40, 'of bounded activations');

($rows, $grown) = measure(q{SELECT count(predict('encoder_opset17', x)) FROM mixed});
cmp_ok($rows, '>', 30, 'short and long ones too');
cmp_ok($grown, '<', 40, 'of bounded activations: what a short text takes says nothing of a long one');

$node->stop;
done_testing();
