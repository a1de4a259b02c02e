# The cost of an import and of a drop grows with the model, not with the store.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use MosaicTest;

my $filler = "$PostgreSQL::Test::Utils::tmp_check/filler.onnx";
my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nshared_buffers = 512MB\nmax_wal_size = 4GB\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_mosaic; SELECT init_store(31);');

# Pages that a statement touched, found in the pool or read.
sub pages_of
{
	my ($session, $statement) = @_;
	my $plan = $session->query_safe("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, SUMMARY OFF, FORMAT JSON) $statement");
	my ($hit, $read) = map { $plan =~ /"Shared $_ Blocks": (\d+)/ ? $1 : die $plan } qw(Hit Read);    # of the whole statement come first
	return $hit + $read;
}

# Imports and drops a small model in a store of so many blocks.
sub measure
{
	my ($blocks) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my %pages;
	for my $round (1 .. 3)    # the first warms caches
	{
		# Without the option vacuum leaves the few dead entries of a large index for later.
		$session->query_safe("VACUUM (INDEX_CLEANUP on) mosaic.$_") for qw(block block_meta model tensor);
		$pages{import} = pages_of($session, "SELECT import_model('small', '" . data('fashion_base') . "')");
		$pages{'shared import'} = pages_of($session, "SELECT import_model('copy', '" . data('fashion_base') . "')");
		$pages{'shared drop'} = pages_of($session, "SELECT drop_model('copy')");
		$pages{drop} = pages_of($session, "SELECT drop_model('small')");
	}
	$session->quit;
	my $stored = $node->safe_psql('postgres', 'SELECT count(*) FROM mosaic.block');
	note "PAGES with a store of $stored blocks: ", join ', ', map { "$_ $pages{$_}" } sort keys %pages;
	cmp_ok($stored, '>=', $blocks, "a store of $stored blocks");
	return \%pages;
}

sub fill
{
	my ($seed, @layers) = @_;
	write_model($filler, $seed, @layers);
	return $node->safe_psql('postgres', "SELECT blocks - blocks_shared FROM import_model('filler$seed', '$filler')");
}

my %at = (0 => measure(0));
fill(1, [ matmul => 2048, 2496 ]);
$at{10_000} = measure(10_000);
fill(2, [ matmul => 4096, 2048 ], [ gemm => 2048, 5120 ], [ matmul => 5120, 6144 ]);
$at{100_000} = measure(100_000);
unlink $filler;

my ($blocks) = $node->safe_psql('postgres', "SELECT blocks FROM import_model('small', '" . data('fashion_base') . "')");
for my $what (sort keys %{ $at{0} })
{
	for my $pair ([ 0, 10_000 ], [ 10_000, 100_000 ], [ 0, 100_000 ])
	{
		my ($from, $to) = map { $at{$_}{$what} } @$pair;
		# In an empty store each of the two B-trees of ids is a single page, and the index of near duplicates one row.
		my $bound = $what eq 'import' && $$pair[0] == 0 ? 1.6 : 1.3;
		cmp_ok($to, '<', $bound * $from, "$what: pages in a store of $$pair[1] blocks against $$pair[0]");
		note sprintf 'RATIO of pages, %s, %d to %d blocks: %.2f (%.1f to %.1f for each block)', $what, @$pair, $to / $from, $from / $blocks, $to / $blocks;
	}
}
$node->stop;
done_testing();
