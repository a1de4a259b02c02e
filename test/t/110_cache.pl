# What the cache knows of requests: concurrency, a tiny pool, crash, restart, preloading, a standby; and that off is off.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use MosaicTest;

my @models = qw(fashion_base fashion_dark fashion_noise fashion_shoes iris text_classifier);
my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', "autovacuum = off\nshared_buffers = 2MB\nmax_connections = 30\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_mosaic; CREATE EXTENSION pg_buffercache;' . import_sql(@models));
my $all = predictions(@models);
my $expected = $node->safe_psql('postgres', $all);

my $requests = "SELECT round(sum(rate)::numeric, 9) FROM mosaic.cache";
my $known = 'SELECT count(*) FROM mosaic.cache WHERE rate > 0';
my $ask = "SELECT predict('fashion_base', array_fill(0.5::real, '{784}')) IS NOT NULL";

# Eight sessions with settings that change, in a pool of 256 pages that the models do not fit in
my @scripts = map {
	my $n = $_;
	join '', map { "SET pg_mosaic.cache_policy = " . (($_ + $n) % 3 ? 'on' : 'off') . "; SET pg_mosaic.cache_half_life = "
		  . (1 + $n * $_ * 7) . "; $all;\n" } 1 .. 12;
} 1 .. 8;
my ($out, $err) = run_sessions($node, @scripts);
is($err, '', 'eight sessions, changing settings, a tiny pool: no error');
is($out, "$expected\n" x 96, 'and every prediction the same to the bit');
is($node->safe_psql('postgres', $known), scalar @models, 'all models are known');

# No request is lost among concurrent sessions: half-lives of a month, nothing decays
$node->append_conf('postgresql.conf', "pg_mosaic.cache_half_life = '30d'\n");
$node->restart;
is($node->safe_psql('postgres', $known), 0, 'after a restart nothing is known');
$node->safe_psql('postgres', $ask);
my $one = $node->safe_psql('postgres', "SELECT rate FROM mosaic.cache WHERE model = 'fashion_base'");
$node->pgbench("-c 8 -j 2 -t 50 -n", 0, [qr/processed: 400\/400/], [qr/^$/], 'concurrent requests', { '110_cache' => "$ask;" });
my $total = $node->safe_psql('postgres', "SELECT round((rate / $one)::numeric, 1) FROM mosaic.cache WHERE model = 'fashion_base'");
is($total, '401.0', 'every one was counted');

# Steering is at work there, and off is PostgreSQL's own: counts of all pages are what pins make them
my $usage = q{SELECT string_agg(b.relblocknumber || ':' || b.usagecount, ' ' ORDER BY b.relblocknumber)
  FROM pg_buffercache b WHERE b.relfilenode = pg_relation_filenode('mosaic.block') AND b.relforknumber = 0};
my $counts = sub {
	my ($policy) = @_;
	$node->restart;
	my $predict = sub { return "SELECT predict('$_[0]', array_fill(0.5::real, '{784}')) IS NOT NULL;" };
	my @statements = map { ($predict->($_)) x 40 } qw(fashion_base fashion_dark fashion_noise fashion_shoes fashion_base fashion_noise);
	# A decision is made once in 10 ms at most, and steers the pages of what is asked after it.
	push @statements, map { ('SELECT pg_sleep(0.02);', $predict->($_)) } qw(fashion_dark fashion_noise) x 3;
	# What the last query reads of the catalogs is read before: it would take the places of the pages that may leave.
	return $node->safe_psql('postgres', "SET pg_mosaic.cache_policy = $policy; $usage; " . join('', @statements) . $usage) =~ s/.*\n//sr;
};
my ($on, $off, $again) = map { $counts->($_) } qw(on off off);
isnt($on, '', 'pages are in the pool');
isnt($on, $off, 'the policy changes usage counts');
is($off, $again, 'off: they are the same every time');
like($on, qr/:0/, 'on: pages that may leave first');

# Off is PostgreSQL's rule to the letter, however much there would be to steer: in a pool that holds all of both models, a page
# has as many counts as there were queries that pinned it, up to five. Which pages these are says a pool that only they were read into.
my $pages = sub {
	my ($policy, @asked) = @_;
	$node->restart;
	return { map { split /:/ } split / /, $node->safe_psql('postgres', "SET pg_mosaic.cache_policy = $policy; SET pg_mosaic.cache_half_life = 1; "
		  . join('', map { "SELECT FROM (SELECT predict('$_', array_fill(0.5::real, '{784}')) p OFFSET 0) s WHERE p IS NOT NULL;" } @asked) . $usage) };
};
$node->append_conf('postgresql.conf', "shared_buffers = 32MB\n");
my ($base, $dark) = map { $pages->('off', $_) } qw(fashion_base fashion_dark);
is(join(',', sort { $a <=> $b } values %{ { map { $_ => 1 } values %$base, values %$dark } }), 1, 'off: one query, one count for each page');
my $both = grep { $dark->{$_} } keys %$base;
cmp_ok($both, '>', 0, 'the models share pages');
cmp_ok($both, '<', scalar keys %$dark, 'and have pages of their own');
for my $n (1 .. 3)
{
	my $rule = { map { $_ => 0 } keys %$base, keys %$dark };
	for my $page (keys %$rule) { my $c = $n * ($base->{$page} // 0) + 2 * ($dark->{$page} // 0); $rule->{$page} = $c > 5 ? 5 : $c; }
	is_deeply($pages->('off', ('fashion_base') x $n, ('fashion_dark') x 2), $rule, "off: PostgreSQL's usage counts, $n and 2 queries");
}
# A model larger than the pool, read over and over, drives itself out; steered, a part of it stays
$node->append_conf('postgresql.conf', "shared_buffers = 800kB\n");
my $hits = sub {
	$node->restart;
	return $node->safe_psql('postgres', "SET pg_mosaic.cache_policy = $_[0]; " . "$ask; " x 31
		  . "SELECT 100 * hits / (hits + reads) FROM mosaic.cache WHERE model = 'fashion_base'") =~ s/.*\n//sr;
};
my ($steered, $stock) = map { $hits->($_) } qw(on off);
note("pages found in the pool, %: $steered steered, $stock not");
cmp_ok($stock, '<', 5, 'a model larger than the pool finds none of its pages there');
cmp_ok($steered, '>', 25, 'unless it is steered');

$node->append_conf('postgresql.conf', "shared_buffers = 2MB\n");
$node->restart;
$node->safe_psql('postgres', $ask);

# The structures are bounded, whatever comes: a kilobyte in the main segment, a segment for the database
is($node->safe_psql('postgres', "SELECT count(*), sum(size) < 2048 FROM pg_shmem_allocations WHERE name ~ 'pg_mosaic cache'"),
	'1|t', 'the directory is small');

# Dropped and replaced models are gone
$node->safe_psql('postgres', $all);
$node->safe_psql('postgres', "SELECT drop_model('fashion_dark'); SELECT import_model('fashion_noise', '" . data('fashion_shoes') . "', replace => true)");
is($node->safe_psql('postgres', "SELECT count(*) FROM mosaic.cache_sharing_classes() c, unnest(c.model_ids) i
  WHERE i NOT IN (SELECT model_id FROM mosaic.model)"), 0, 'no class names a model that is no more');
is($node->safe_psql('postgres', "SELECT count(*) FROM mosaic.cache WHERE model = 'fashion_noise' AND rate > 0"), 0,
	'a replaced model begins anew');

# Crash: empty, then as before
$expected = $node->safe_psql('postgres', $all =~ s/fashion_dark/fashion_base/r);
my $query = $all =~ s/fashion_dark/fashion_base/r;
crash($node);
is($node->safe_psql('postgres', $known), 0, 'after a crash nothing is known');
is($node->safe_psql('postgres', $query), $expected, 'predictions are the same');
is($node->safe_psql('postgres', $known), 5, 'and requests are counted again');

# Standby: it counts its own
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', $known), 0, 'standby: nothing known at first');
is($standby->safe_psql('postgres', $query), $expected, 'standby: same predictions');
is($standby->safe_psql('postgres', $known), 5, 'standby: its requests are counted');
is($standby->safe_psql('postgres', "SELECT prewarm_model('iris') >= 0"), 't', 'standby: prewarms');
$node->safe_psql('postgres', "SELECT drop_model('iris')");
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', "SELECT count(*) FROM mosaic.cache WHERE model = 'iris'"), 0, 'standby: a dropped model is not shown');
$standby->stop;

# Preloaded: the same
# (Debian's extension_destdir takes the first, the dynamic_library_path of 18 the second)
$node->append_conf('postgresql.conf', "shared_preload_libraries = '" . ($node->pg_version < 18 ? '$libdir/' : '') . "pg_mosaic'\n");
$node->restart;
$query = $query =~ s/, \(SELECT string_agg\(predict\('iris'.*?\) i\)//sr;
$expected = $node->safe_psql('postgres', $query);
is($node->safe_psql('postgres', $known), 4, 'preloaded: counted');

# DROP EXTENSION and CREATE EXTENSION: another store in the same place
$node->safe_psql('postgres', 'DROP EXTENSION pg_mosaic; CREATE EXTENSION pg_mosaic;' . import_sql('fashion_base'));
is($node->safe_psql('postgres', $known), 0, 'a new store begins anew');
is($node->safe_psql('postgres', "$ask; SELECT models FROM mosaic.cache_classes"), "t\n{fashion_base}", 'and is counted');
$node->stop;
done_testing();
