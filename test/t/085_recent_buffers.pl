# Pages are pinned in the buffers where they were seen last: what is remembered may be wrong at any time, and never harms.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use MosaicTest;

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', "autovacuum = off\nshared_buffers = 32MB\nmax_connections = 30\n");
$node->start;

# ---- just as PostgreSQL pins a page that it looks up: usage counts, statistics, EXPLAIN ----

$node->safe_psql('postgres', 'CREATE EXTENSION pg_mosaic; CREATE EXTENSION pg_buffercache;' . import_sql('fashion_base')
	  . "ALTER SYSTEM SET pg_mosaic.cache_policy = off");
my $ask = "SELECT predict('fashion_base', array_fill(0.5::real, '{784}')) IS NOT NULL";
my $pages = $node->safe_psql('postgres', "SELECT pages FROM mosaic.model_pages WHERE model = 'fashion_base'");
$node->restart;
my $usage = q{SELECT string_agg(DISTINCT usagecount::text, ' '), count(*) FROM pg_buffercache
  WHERE relfilenode = pg_relation_filenode('mosaic.block') AND relforknumber = 0};
my $session = $node->background_psql('postgres');
for my $n (1 .. 7)
{
	$session->query($ask);
	is($session->query($usage), ($n < 5 ? $n : 5) . "|$pages", "prediction $n: each page was used so many times");
}

# A page may be pinned twice, for blocks of two tensors.
$node->safe_psql('postgres', "CREATE TABLE one AS SELECT array_fill(0.5::real, '{784}') AS x");
my $explain = "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT predict('fashion_base', x) FROM one";
my $hits = q{SELECT pg_stat_force_next_flush(); SELECT heap_blks_hit, heap_blks_read FROM pg_statio_all_tables WHERE relid = 'mosaic.block'::regclass};
$session->query($explain);
my ($hit, $read) = $session->query($hits) =~ /(\d+)\|(\d+)$/;
my @pinned = map { scalar $session->query($explain) =~ /Model Pages: hit=(\d+) read=0/ ? $1 : '?' } 1 .. 3;
my $each = $pinned[0];
is("@pinned", "$each $each $each", 'EXPLAIN counts them');
cmp_ok($each, '>=', $pages, 'all of them');
like(scalar $session->query($hits), '/' . ($hit + 3 * $each) . "\\|$read\$/", 'and so do the statistics of the table');
$session->quit;
$node->safe_psql('postgres', 'DROP TABLE one; ALTER SYSTEM RESET pg_mosaic.cache_policy');
$node->restart;

# ---- pages that are elsewhere, or no more ----

my $file = "$PostgreSQL::Test::Utils::tmp_check/big.onnx";
write_model($file, 1, [ gather => 2000, 512 ], [ matmul => 512, 1024 ], [ gemm => 1024, 256 ]);    # 7 MB
my @models = qw(fashion_base fashion_noise iris text_classifier);
$node->safe_psql('postgres', import_sql(qw(fashion_dark fashion_noise iris text_classifier)) . "SELECT import_model('big', '$file')");
my $all = predictions(@models);
my $big = q{SELECT md5(string_agg(predict('big', ARRAY[i, i + 1, 1999 - i])::text, ',' ORDER BY i)) FROM generate_series(1, 60) i};
my $expected = $node->safe_psql('postgres', "$all; $big");

# same(NAME, SQL): does it; then predictions are the same, in a session that knew the pages before and in a new one.
sub same
{
	my ($name, $sql) = @_;
	my $open = $node->background_psql('postgres');
	my $first = $open->query("$all; $big");
	$node->safe_psql('postgres', $sql);
	my @later = map { scalar $open->query("$all; $big") } 1, 2;
	push @later, $node->safe_psql('postgres', "$all; $big");
	is(join(' ', map { $_ eq $expected ? 'same' : $_ } $first, @later), 'same same same same', $name);
	is($open->{stderr}, '', "$name: no error");
	$open->quit;
	return;
}

same('VACUUM FULL', 'VACUUM FULL mosaic.block');
same('blocks deleted, pages truncated', "SELECT drop_model('fashion_dark'); VACUUM mosaic.block");
same('other blocks in their places', "SELECT import_model('fashion_dark', '" . data('fashion_dark') . "')");
same('packed', 'SELECT pack_models(); VACUUM mosaic.block');
same('replaced', "SELECT import_model('fashion_dark', '" . data('fashion_shoes') . "', replace => true)");
same('replaced by the same',
	"SELECT import_model('big', '$file', replace => true); SELECT import_model('iris', '" . data('iris') . "', replace => true); VACUUM mosaic.block");
same('evicted', 'CREATE TABLE filler AS SELECT repeat(md5(i::text), 60) AS x FROM generate_series(1, 40000) i; '
	  . 'SELECT count(*), sum(length(x)) FROM filler; DROP TABLE filler');
same('a larger store', join '', map { "SELECT import_model('copy_$_', '$file', domain => 'd$_');" } 1 .. 3);
$node->restart;
is($node->safe_psql('postgres', "$all; $big"), $expected, 'after a restart');
crash($node);
is($node->safe_psql('postgres', "$all; $big"), $expected, 'after a crash');

# ---- pages that leave while others pin them: eight sessions in a pool that nothing fits in ----

$node->adjust_conf('postgresql.conf', 'shared_buffers', '1MB');
$node->restart;
my @scripts = ("$all;\n$big;\n" x 6) x 8;
my ($out, $err) = run_sessions($node, @scripts);
is($err, '', 'eight sessions in 1 MB: no error');
is($out, "$expected\n" x 48, 'and every prediction the same to the bit');

# ---- a standby, whose pages change beneath it ----

$node->adjust_conf('postgresql.conf', 'shared_buffers', '32MB');
$node->restart;
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
my $reader = $standby->background_psql('postgres');
is($reader->query("$all; $big"), $expected, 'standby');
$node->safe_psql('postgres', 'SELECT pack_models(); VACUUM FULL mosaic.block');
$node->wait_for_catchup($standby);
is($reader->query("$all; $big"), $expected, 'standby: the pages were moved');
$standby->promote;
is($reader->query("$all; $big"), $expected, 'and when it is promoted');
$reader->quit;
$standby->stop;
$node->stop;
done_testing();
