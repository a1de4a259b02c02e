# Read scale-out with what people put before their standbys (docs/scale_out.md): HAProxy spreads connections over two standbys, pgbouncer
# shares few sessions among many clients. The primary dies, a standby is promoted, the other follows it: whoever reads gets the right bits
# all the time; what was acknowledged is there.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);
use MosaicTest;

my @models = qw(iris fashion_base);
my $tmp = $PostgreSQL::Test::Utils::tmp_check;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', "autovacuum = off\n");
$primary->start;
$primary->safe_psql('postgres', 'CREATE EXTENSION pg_mosaic;' . import_sql(@models) . q{
  CREATE TABLE t AS SELECT i AS id, ARRAY[4 + i % 4 + 0.1, 2 + i % 3, 1 + i % 6, i % 3 * 0.9]::real[] AS x FROM generate_series(1, 2000) i});
$primary->backup('base');
my @standbys = map
{
	my $standby = PostgreSQL::Test::Cluster->new($_);
	$standby->init_from_backup($primary, 'base', has_streaming => 1);
	$standby->append_conf('postgresql.conf', "max_standby_streaming_delay = -1\nhot_standby_feedback = on\n");
	$standby->start;
	$standby
} qw(first second);
# What is acknowledged is visible on both.
$primary->append_conf('postgresql.conf', "synchronous_standby_names = 'FIRST 2 (first, second)'\nsynchronous_commit = remote_apply\n");
$primary->reload;

# ---- the proxies, on sockets of this test ----

sub socket_of { return $_[0]->host . '/.s.PGSQL.' . $_[0]->port; }
my ($reads, $pool) = map { PostgreSQL::Test::Cluster::get_free_port() } 1 .. 2;
my $dir = PostgreSQL::Test::Utils::tempdir_short();
append_to_file("$dir/haproxy.cfg", <<HAPROXY);
defaults
  mode tcp
  timeout connect 5s
  timeout client 10m
  timeout server 10m
listen reads
  bind unix\@$dir/.s.PGSQL.$reads mode 600
  balance roundrobin
  option pgsql-check user postgres
HAPROXY
append_to_file("$dir/haproxy.cfg", '  server ' . $_->name . ' unix@' . socket_of($_) . " check inter 200ms\n") for @standbys;
append_to_file("$dir/pgbouncer.ini", <<PGBOUNCER);
[databases]
models = host=$dir port=$reads dbname=postgres user=postgres
[pgbouncer]
listen_port = $pool
unix_socket_dir = $dir
auth_type = any
pool_mode = transaction
default_pool_size = 4
max_client_conn = 100
ignore_startup_parameters = extra_float_digits,options
PGBOUNCER
my @proxies = map { IPC::Run::start($_, '<', \undef, '>', "$tmp/$_->[0]:t.log" =~ s{/usr/sbin/}{}r, '2>&1') }
  [ '/usr/sbin/haproxy', '-db', '-f', "$dir/haproxy.cfg" ], [ '/usr/sbin/pgbouncer', "$dir/pgbouncer.ini" ];
END { my $status = $?; $_->kill_kill for @proxies; $? = $status; }

# (standard output, standard error, exit status) of psql through the port of a proxy
sub through
{
	my ($port, $database, $query) = @_;
	my ($out, $err);
	my $done = IPC::Run::run([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-h', $dir, '-p', $port, '-U', 'postgres', '-d', $database ],
		'<', \$query, '>', \$out, '2>', \$err);
	chomp $out;
	return ($out, $err, $done);
}
for my $port ([ $reads, 'postgres' ], [ $pool, 'models' ])
{
	for (1 .. 100) { last if (through(@$port, 'SELECT 1'))[2]; usleep(100_000); }
}

# ---- reads are spread, and right ----

my $digest = predictions(@models) . "; SELECT md5(string_agg(predict('iris', x)::text, ',' ORDER BY id)) FROM t";
my $expected = $primary->safe_psql('postgres', $digest);
my %ports = map { ((through($reads, 'postgres', "SELECT current_setting('port')"))[0] => 1) } 1 .. 6;
is_deeply([ sort keys %ports ], [ sort map { $_->port } @standbys ], 'HAProxy asks both standbys');
is_deeply([ through($reads, 'postgres', $digest) ], [ $expected, '', 1 ], 'the same bits through HAProxy');
is_deeply([ through($pool, 'models', $digest) ], [ $expected, '', 1 ], 'and through pgbouncer');
like((through($reads, 'postgres', "SELECT import_model('x', '" . data('iris') . "')"))[1], qr/cannot execute .* read-only|recovery/, 'a standby imports nothing');

# ---- while the primary dies, and a standby takes over ----

# Many clients over four sessions of the pool, all the time
my $script = "$tmp/reads.sql";
my $wanted = (split /\n/, $expected)[-1];
append_to_file($script, "SELECT 1 / (md5(string_agg(predict('iris', x)::text, ',' ORDER BY id)) = '$wanted')::int FROM t;\n");
my ($bench_out, $bench_err) = ('', '');
my $bench = IPC::Run::start(
	[ 'pgbench', '-n', '-c', 20, '-j', 2, '-T', 12, '-h', $dir, '-p', $pool, '-U', 'postgres', '-f', $script, 'models' ],
	'<', \undef, '>', \$bench_out, '2>', \$bench_err);

my $acknowledged = 0;
for my $i (1 .. 5)
{
	$primary->safe_psql('postgres', "SELECT import_model('late_$i', '" . data('fashion_noise') . "')");
	$acknowledged = $i;
	is((through($reads, 'postgres', "SELECT count(*) FROM mosaic.models WHERE name = 'late_$i'"))[0], '1', "model $i is on whichever standby is asked, once it is acknowledged");
}
$primary->stop('immediate');
my ($first, $second) = @standbys;
$first->promote;
$second->append_conf('postgresql.conf', "primary_conninfo = '" . $first->connstr . " application_name=second'\n");
$second->reload;
$first->append_conf('postgresql.conf', "synchronous_standby_names = 'second'\nsynchronous_commit = remote_apply\n");
$first->reload;
is($first->safe_psql('postgres', q{SELECT count(*) FROM mosaic.models WHERE name LIKE 'late%'}), $acknowledged, 'what was acknowledged is on the new primary');
$first->safe_psql('postgres', "SELECT import_model('after', '" . data('fashion_shoes') . "')");
is($second->safe_psql('postgres', q{SELECT count(*) FROM mosaic.models WHERE name = 'after'}), '1', 'and what it imports is on the other');

$bench->finish;
is($bench_err =~ s/^pgbench \(.*\n//r, '', 'nobody who read got an error, or other bits');
like($bench_out, qr/number of failed transactions: 0 /, 'of any transaction');
my ($transactions) = $bench_out =~ /actually processed: (\d+)/;
cmp_ok($transactions, '>', 20, "$transactions transactions");
is((through($pool, 'models', $digest))[0], $expected, 'the same bits as before');
store_is_sound($first, 'postgres', 'the new primary');

done_testing();
