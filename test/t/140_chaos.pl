# A few rounds of tools/bench.sh chaos: after each fault what was acknowledged is there, and nothing else. That this would be
# found: a server that syncs nothing loses transactions when the power fails.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use PostgreSQL::Test::Utils;
use Test::More;

my $chaos = dirname(abs_path(__FILE__)) . '/../../bench/chaos/chaos.pl';
my $dir = PostgreSQL::Test::Utils::tempdir_short();
my $seed = $ENV{MOSAIC_CHAOS_SEED} // time % 1_000_000;
my $bin = `pg_config --bindir`;
chomp $bin;

sub chaos
{
	my (@options) = @_;
	my $output = '';
	my @command = ('perl', $chaos, '--bin', $bin, '--conf', $ENV{TEMP_CONFIG}, '--models', "$ENV{MOSAIC_TEST_DATA}/models",
		'--dir', "$dir/run", '--disk', $ENV{MOSAIC_CHAOS_DISK}, '--seed', $seed, @options);
	my $ok = IPC::Run::run(\@command, '>&', \$output);
	note "@command\n$output";
	return ($ok, $output);
}

my ($ok, $output) = chaos(qw(--rounds 8 --seconds 30));
ok($ok, "nothing is lost, changed or half there (seed $seed)");
like($output, qr/^lost 0, uncommitted visible 0, changed predictions 0, problems of check_store\(\) 0$/m, 'and said so');
like($output, qr/^report acknowledged=(?!0$)/m, 'transactions were acknowledged');

($ok, $output) = chaos(qw(--rounds 3 --seconds 40 --only power --careless));
ok(!$ok, 'a server that syncs nothing fails');
like($output, qr/^FAILED: round \d+, .*(?:\w+: (?:lost|uncommitted|changed)|check_store\(\)|does not|ERROR)/ms, 'for what is lost');
like($output, qr/^seed $seed, data folder/m, 'with its seed');
done_testing();
