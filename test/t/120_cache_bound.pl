# More models than the cache has room for: its memory stays as it is, those that find no place are predicted with all the same.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use MosaicTest;

my $models = 10_000;
my $node = PostgreSQL::Test::Cluster->new('bound');
$node->init;
# Dynamic shared memory in files, whose sizes are seen from outside
$node->append_conf('postgresql.conf', "autovacuum = off\ndynamic_shared_memory_type = mmap\n");
$node->start;

my $files = sub { glob($node->data_dir . '/pg_dynshmem/mmap.*') };
my $memory = sub { my $sum = 0; $sum += -s $_ for $files->(); return $sum; };
my $main = sub { $node->safe_psql('postgres', "SELECT sum(size) FROM pg_shmem_allocations WHERE name = 'pg_mosaic cache'") };
# Each model is the same small one: what is bounded is the room for models and for classes, one more with each model.
my $ask = sub {
	my ($from, $to) = @_;
	return $node->safe_psql('postgres',
		"SELECT count(*), count(DISTINCT p), min(p) FROM (SELECT predict('m' || i, '{5.1,3.5,1.4,0.2}'::real[])::text p FROM generate_series($from, $to) i) s");
};
my $known = 'SELECT count(*) FROM mosaic.cache WHERE rate > 0';

my $before = $memory->();
$node->safe_psql('postgres', "CREATE EXTENSION pg_mosaic;
  SELECT count(*) FROM generate_series(1, $models) i, LATERAL import_model('m' || i, '" . data('iris') . "') x");
my $one = $ask->(1, 1);
my %first = map { $_ => -s $_ } $files->();
my ($segment, $directory) = ($memory->() - $before, $main->());
cmp_ok($segment, '>', 0, 'the first request makes a segment');
cmp_ok($segment, '<', 1024 * 1024, 'of less than a megabyte');

(my $all = $one) =~ s/^1\|/$models|/;
is($ask->(1, $models), $all, 'ten thousand models are asked: every prediction is right');
# What comes later are the tables of mosaic.stat_models, each twice the size of the one before.
my $unchanged = sub { return scalar grep { -e $_ && -s $_ == $first{$_} } keys %first; };
my $later = sub { return sort { $a <=> $b } map { -s $_ } grep { !exists $first{$_} } $files->(); };
is($unchanged->(), scalar keys %first, 'the segment is what it was');
my @tables = $later->();
is(scalar(grep { abs($tables[$_] - 2 * $tables[$_ - 1]) > 16384 } 1 .. $#tables), 0, 'only tables of statistics came');
cmp_ok($memory->() - $before - $segment, '<', 512 * $models, 'of less than 512 bytes a model');
is($main->(), $directory, 'so is the directory');
is($node->safe_psql('postgres', $known), 4096, 'as many are known as there is room for');

# Those that found no place, once more in other connections, and after others have made room
is($ask->(4097, $models) =~ s/^\d+/1/r, $one, 'those without a place: every prediction is right');
$node->safe_psql('postgres', "SELECT drop_model('m' || i) FROM generate_series(1, 4000) i");
is($node->safe_psql('postgres', $known), 96, 'dropped models are known no more');
is($ask->(4001, $models) =~ s/^\d+/1/r, $one, 'after drops every prediction is right');
cmp_ok($node->safe_psql('postgres', $known), '>', 3000, 'and others took the place of the dropped');
is($unchanged->(), scalar keys %first, 'the segment is still what it was');
is_deeply([ $later->() ], \@tables, 'nothing else came');
$node->stop;
done_testing();
