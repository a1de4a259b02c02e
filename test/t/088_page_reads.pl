# Pages are pinned and read in runs, several at a time: predictions are the same to the bit whatever of them is in the pool, in
# one smaller than the model, and after a cancel or a damaged page, which leave nothing pinned.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use MosaicTest;

my $seed = $ENV{MOSAIC_TEST_SEED} // time;
note "seed $seed";
srand $seed;
my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(extra => ['--data-checksums']);
$node->append_conf('postgresql.conf', "autovacuum = off\nshared_buffers = 64MB\n");
$node->start;
my $file = "$PostgreSQL::Test::Utils::tmp_check/big.onnx";
write_model($file, 1, [ matmul => 512, 1024 ], [ gemm => 1024, 2048 ], [ matmul => 2048, 512 ]);    # 14 MB
$node->safe_psql('postgres', 'CREATE EXTENSION pg_mosaic; CREATE EXTENSION pg_prewarm; CREATE EXTENSION pg_buffercache;'
	  . import_sql('iris') . "SELECT import_model('big', '$file'); CREATE TABLE other AS SELECT repeat('x', 7000) FROM generate_series(1, 800); CHECKPOINT");
my $big = "md5(predict('big', (SELECT array_agg(j * 7 % 13 / 13::real) FROM generate_series(1, 512) j)::real[])::text)";
my $expected = $node->safe_psql('postgres', "SELECT $big");
my $iris = $node->safe_psql('postgres', predictions('iris'));
my $pages = $node->safe_psql('postgres', "SELECT pages FROM mosaic.model_pages WHERE model = 'big'");
my $all = $node->safe_psql('postgres', "SELECT pg_relation_size('mosaic.block') / 8192");
my $mine = q{relfilenode = pg_relation_filenode('mosaic.block') AND relforknumber = 0};
my $resident = "SELECT count(*) FROM pg_buffercache WHERE $mine";
my $pinned = "SELECT count(*) FROM pg_buffercache WHERE $mine AND pinning_backends > 0";
my $reads = "SELECT pg_stat_force_next_flush(); SELECT heap_blks_read FROM pg_statio_all_tables WHERE relid = 'mosaic.block'::regclass";
cmp_ok($pages, '>', 1700, "a model of $pages pages");

# ---- whatever is in the pool ----

for my $part (0, 0.05, 0.3, 0.7, 0.95)
{
	$node->restart;
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	for (my $page = 0; $page < $all;)
	{
		my $end = $page + int rand 1 + rand 40;
		$end = $all - 1 if $end >= $all;
		$session->query_safe("SELECT pg_prewarm('mosaic.block', 'buffer', 'main', $page, $end)") if rand() < $part;
		$page = $end + 1;
	}
	my $there = $session->query_safe($resident);
	my ($before) = $session->query_safe($reads) =~ /(\d+)$/;
	is($session->query_safe("SELECT $big"), $expected, "$there of $all pages were in the pool: the same bits");
	my ($after) = $session->query_safe($reads) =~ /(\d+)$/;
	cmp_ok($after - $before, '<=', $all - $there, 'each of the others is read once');
	cmp_ok($after - $before, '>=', $pages - $there, 'and none is missing');
	is($session->query_safe("SELECT reads FROM mosaic.cache WHERE model = 'big'"), $after - $before, 'and the model is told of as many');
	is($session->query_safe($pinned), 0, 'nothing stays pinned');
	$session->quit;
}

# ---- canceled on the way, caught or not ----

my ($canceled, $wrong) = (0, 0);
for my $ms (map { 2 * $_ } 1 .. 25)
{
	$node->restart if $ms % 10 == 2;
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	# In a plpgsql block with an exception handler: the transaction goes on.
	my $result = $session->query(qq{
SET statement_timeout = $ms;
SELECT $big = '$expected';
SET statement_timeout = 0;
});
	$canceled += $session->{stderr} =~ /statement timeout/;
	$wrong++ if $result =~ /f/ or $session->query("SELECT $big") ne $expected or $session->query($pinned) ne '0';
	$session->quit;
}
is($wrong, 0, "right after $canceled of 25 were canceled, nothing pinned");

# ---- a page that cannot be read ----

my $path = $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('mosaic.block')");
# The last one may hold nothing.
my $last = $node->safe_psql('postgres', 'SELECT max((ctid::text::point)[0]) FROM mosaic.block');
for my $bad (0, int $all / 2, $last)
{
	$node->stop;
	open my $disk, '+<:raw', $path or die "$path: $!";
	seek $disk, $bad * 8192, 0;
	read($disk, my $page, 8192) == 8192 or die 'read';
	seek $disk, $bad * 8192 + 4000, 0;
	print $disk "\xA5" x 64 or die 'write';
	close $disk or die 'close';
	$node->start;
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	is($session->query_safe("SELECT set_config('mosaic_test.caught', 'nothing', false)"), 'nothing', "page $bad is damaged");
	$session->query("BEGIN; SELECT count(*) FROM other; DO \$do\$ BEGIN PERFORM $big;
		EXCEPTION WHEN data_corrupted THEN PERFORM set_config('mosaic_test.caught', SQLSTATE, false); END \$do\$");
	is($session->query("SELECT current_setting('mosaic_test.caught')"), 'XX001', 'it is an error');
	is($session->query($pinned), 0, 'nothing stays pinned in the transaction that goes on');
	$session->query('COMMIT');
	# iris may lie on that page.
	my $answer = $session->query(predictions('iris'));
	ok($answer eq $iris || $session->{stderr} =~ /invalid page/, 'other models predict as ever');
	$session->quit;
	$node->stop;
	open $disk, '+<:raw', $path or die "$path: $!";
	seek $disk, $bad * 8192, 0;
	print $disk $page or die 'write';
	close $disk or die 'close';
	$node->start;
	is($node->safe_psql('postgres', "SELECT $big"), $expected, 'with the page as it was: the same bits');
}

# ---- pools smaller than the model, with others about ----

for my $size ('1MB', '4MB', '8MB')
{
	$node->adjust_conf('postgresql.conf', 'shared_buffers', $size);
	$node->restart;
	my $script = "SELECT $big FROM generate_series(1, 4);" . predictions('iris') . ';';
	my ($out, $err) = run_sessions($node, $script, $script, 'SELECT sum(length(repeat)) > 0 FROM other, generate_series(1, 20);' x 2, $script);
	is($err, '', "$size: no errors in four sessions");
	my @answers = grep { $_ ne $expected && $_ ne $iris && $_ ne 't' } split /\n/, $out;
	is("@answers", '', 'and the same bits in all');
}
$node->stop;
done_testing();
