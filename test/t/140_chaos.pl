# A few rounds of tools/bench.sh chaos: after each fault what was acknowledged is there, and nothing else. That this would be
# found: a server that syncs nothing loses transactions when the power fails.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(basename dirname);
use PostgreSQL::Test::Utils;
use Test::More;

my $chaos = dirname(abs_path(__FILE__)) . '/../../bench/chaos/chaos.pl';
my $dir = PostgreSQL::Test::Utils::tempdir_short();
my $seed = $ENV{MOSAIC_CHAOS_SEED} // time % 1_000_000;
my $bin = `pg_config --bindir`;
chomp $bin;

sub chaos
{
	my ($programs, @options) = @_;
	my $output = '';
	my @command = ('perl', $chaos, '--bin', $programs, '--conf', $ENV{TEMP_CONFIG}, '--models', "$ENV{MOSAIC_TEST_DATA}/models",
		'--dir', "$dir/run", '--disk', $ENV{MOSAIC_CHAOS_DISK}, '--seed', $seed, @options);
	my $ok = IPC::Run::run(\@command, '>&', \$output);
	note "@command\n$output";
	return ($ok, $output);
}

# What a failure leaves: the data folder that it names, and no server.
sub left
{
	my ($output, $name) = @_;
	my ($data) = $output =~ /^seed $seed, data folder (\S+), log \S+$/m;
	ok(defined $data && -e "$data/PG_VERSION", "$name: seed and data folder are named, and it is there") or return '';
	my $folder = dirname($data);
	my @running = grep { my ($pid) = slurp_file($_) =~ /^(\d+)/; kill 0, $pid } glob "$folder/*/postmaster.pid";
	is("@running", '', "$name: no server goes on");
	return $folder;
}

# Of failures first: what they leave must outlive the runs behind them.
my ($ok, $output) = chaos($bin, qw(--rounds 3 --seconds 40 --only power --careless));
ok(!$ok, 'a server that syncs nothing fails');
like($output, qr/^FAILED: round \d+, .*(?:\w+: (?:lost|uncommitted|changed)|check_store\(\)|does not|ERROR)/ms, 'for what is lost');
my @left = left($output, 'lost power');

# Where a promotion fails, the standby is what runs.
mkdir "$dir/bin";
symlink $_, "$dir/bin/" . basename($_) for grep { basename($_) ne 'pg_ctl' } glob "$bin/*";
append_to_file("$dir/bin/pg_ctl", "#!/bin/sh\ncase \" \$* \" in *' promote '*) echo 'not today'; exit 1 ;; esac\nexec $bin/pg_ctl \"\$@\"\n");
chmod 0755, "$dir/bin/pg_ctl";
($ok, $output) = chaos("$dir/bin", qw(--rounds 1 --only promote));
ok(!$ok, 'a promotion that fails is a failure');
like($output, qr/^FAILED: round 1, promote: .*not today/ms, 'and said so');
push @left, left($output, 'promotion');

($ok, $output) = chaos($bin, qw(--rounds 8 --seconds 30));
ok($ok, "nothing is lost, changed or half there (seed $seed)");
like($output, qr/^lost 0, uncommitted visible 0, changed predictions 0, problems of check_store\(\) 0$/m, 'and said so');
like($output, qr/^report acknowledged=(?!0$)/m, 'transactions were acknowledged');
isnt($left[0], $left[1], 'each failure has its folder');
ok(-d "$_/a", "$_ is still there") for @left;
done_testing();
