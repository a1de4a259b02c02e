# Models are dropped and replaced where the counters of what they were used for cannot be had.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use MosaicTest;

my $node = PostgreSQL::Test::Cluster->new('counters');
$node->init;
# Dynamic shared memory in files, which can be taken away
$node->append_conf('postgresql.conf', "autovacuum = off\ndynamic_shared_memory_type = mmap\n");
$node->start;
my $files = sub { glob($node->data_dir . '/pg_dynshmem/mmap.*') };
$node->safe_psql('postgres', "CREATE EXTENSION pg_mosaic;
  SELECT count(*) FROM generate_series(1, 3) i, LATERAL import_model('m' || i, '" . data('iris') . "') x");
my %before = map { $_ => 1 } $files->();
my $ask = "SELECT count(predict(name, '{5.1,3.5,1.4,0.2}'::real[])) FROM mosaic.models";
is($node->safe_psql('postgres', $ask), '3', 'models are used');
my @made = grep { !$before{$_} } $files->();
cmp_ok(scalar @made, '>', 0, 'which is counted in segments of shared memory');
is(unlink(@made), scalar @made, 'those are gone');

my $log = -s $node->logfile;
# What a statement gives, and what it warns of.
my $gives = sub {
	my ($sql, $rows, $what) = @_;
	my ($out, $warnings);

	$node->psql('postgres', $sql, stdout => \$out, stderr => \$warnings, on_error_stop => 1);
	is($out, $rows, $what);
	is($warnings, '', 'without a warning');
};
$gives->("SELECT drop_model('m1')", '', 'a model is dropped');
$gives->("SELECT blocks > 0 FROM import_model('m2', '" . data('iris_float64') . "', replace => true)", 't', 'another is replaced');
$gives->("$ask; SELECT count(drop_model(name)) FROM mosaic.models; SELECT count(*) FROM mosaic.model", "2\n2\n0",
	'in a session that predicts, too');
like(slurp_file($node->logfile, $log), qr/pg_mosaic keeps no statistics of this session: could not open shared memory segment/, 'the log says so');
$node->stop;
done_testing();
