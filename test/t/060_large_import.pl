# A model of 1 GB is imported from a server file with a small multiple of its largest piece in memory.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use List::Util qw(max);
use Time::HiRes qw(time usleep);
use MosaicTest;

my $path = "$PostgreSQL::Test::Utils::tmp_check/large.onnx";
# 256 MiB of embeddings, then matrices both ways round, the largest of 256 MiB
my $bytes = write_model($path, 1, [ gather => 65_536, 1024 ], [ matmul => 1024, 8192 ], [ gemm => 8192, 8192 ],
	[ matmul => 8192, 8192 ], [ gemm => 8192, 4096 ], [ matmul => 4096, 2048 ], [ gemm => 2048, 10 ]);
cmp_ok($bytes, '>', 0.9e9, 'a large model: ' . mb($bytes));

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nshared_buffers = 128MB\nmax_wal_size = 1GB\nwal_level = minimal\nmax_wal_senders = 0\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_mosaic;');
my $session = $node->background_psql('postgres', on_error_stop => 0);
my $pid = backend_of($session);

# Peak of a backend's private memory, anonymous and mapped files, beyond its baseline while a statement runs.
sub peak_of
{
	my ($statement) = @_;
	my ($anon_base, $mapped_base) = memory_of($pid);
	my ($anon_peak, $peak, $samples) = (0, 0, 0);
	start_statement($session, $statement);
	until ($session->{stdout} =~ /^-- finished$/m)
	{
		my ($anon, $mapped) = memory_of($pid);
		$anon_peak = max($anon_peak, $anon - $anon_base);
		$peak = max($peak, $anon - $anon_base + $mapped - $mapped_base);
		$samples++;
		usleep(2000);
		$session->{run}->pump_nb;
	}
	my ($out, $err) = finish_statement($session);
	is($err, '', 'no error');
	chomp $out;
	return ($out, $peak, $anon_peak, $samples);
}

my $import = "SELECT weight_bytes, blocks_shared, new_bytes >= weight_bytes FROM import_model('large', '$path')";
$session->query_safe('SELECT count(*) FROM import_model(\'iris\', \'' . data('iris') . '\')');    # code and catalogs
my $start = time;
my ($out, $peak, $anon, $samples) = peak_of($import);
note sprintf 'IMPORT of %s: %.1f s, peak memory %s above the baseline (anonymous %s), of %d samples', mb($bytes), time - $start, mb($peak),
  mb($anon), $samples;
is($out, "$bytes|0|t", 'imported');
cmp_ok($samples, '>', 200, 'memory was watched');
cmp_ok($peak, '<', 150e6, 'peak memory of the import');

# All of it is shared when it is imported again, in no more memory
($out, $peak, $anon, $samples) = peak_of("SELECT blocks = blocks_shared, new_bytes FROM import_model('again', '$path')");
note sprintf 'IMPORT again: peak memory %s above the baseline', mb($peak);
is($out, 't|0', 'imported again: no new block');
cmp_ok($peak, '<', 150e6, 'peak memory of the second import');
unlink $path;
$session->query_safe(q{SELECT drop_model('again')});

# The model is eight times shared_buffers
my $predict = q{SELECT md5(predict('large', '{0,65535,77}'::int[])::text) };
my $once = $node->safe_psql('postgres', $predict);
($out, $peak) = peak_of($predict);
is($out, $once, 'predicts from a pool an eighth of its size');
note sprintf 'PREDICT: peak memory %s above the baseline', mb($peak);
cmp_ok($peak, '<', 64e6, 'peak memory of a prediction: no copy of the weights');

($out, $peak) = peak_of(q{SELECT drop_model('large')});
note sprintf 'DROP: peak memory %s above the baseline', mb($peak);
cmp_ok($peak, '<', 64e6, 'peak memory of the drop');
# A page that the checkpointer writes just then is left for the next time, with all pages before it; INDEX_CLEANUP, since
# VACUUM would leave the few rows of such pages in the index.
my $size;
for (1 .. 5)
{
	$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP on) mosaic.block');
	$size = $node->safe_psql('postgres', q{SELECT pg_relation_size('mosaic.block')});
	last if $size < 1e6;
}
cmp_ok($size, '<', 1e6, 'and its space is given back');
$session->quit;
$node->stop;
$node->clean_node;
done_testing();
