#!/usr/bin/perl
# chaos.pl: a store that several sessions change while processes are killed, the disk runs full, the power fails, the standby
# is promoted or the store is restored; then what was acknowledged is there, and nothing else. See chaos.sh.
#
#   chaos.pl --bin FOLDER --conf FILE --models FOLDER --dir FOLDER --disk FILE
#            [--rounds N] [--seconds S] [--seed S] [--only FAULT,...] [--careless]
#
# FILE of --conf: lines for postgresql.conf. --disk: disk.c as a shared object. --seconds: no round but the first begins later.
# --careless: nothing is synced, so that a power failure loses what was acknowledged: this must be found.
# Prints a table, then lines "report FIGURE". Exits with 1 at the first fault found, and leaves all of --dir under another name, which it
# prints: the next run does not take it away.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Getopt::Long;
use Time::HiRes qw(sleep time);
use ChaosDisk;
use ChaosServer;
use ChaosWorkload;

my %option = (rounds => 20, seconds => 1e9, seed => time % 1_000_000, workers => 4);
GetOptions(\%option, 'bin=s', 'conf=s', 'models=s', 'dir=s', 'disk=s', 'rounds=i', 'seconds=f', 'seed=i', 'workers=i', 'only=s', 'careless')
  or die "see the head of $0\n";
$option{seed} = int $option{seed};
$| = 1;

# How often each fault is drawn.
my %weight = (
	'backend' => 3, 'checkpointer' => 1, 'walwriter' => 1, 'background writer' => 1, 'postmaster' => 2, 'all' => 3,
	'immediate' => 1, 'power' => 3, 'disk full' => 2, 'promote' => 1, 'restore' => 1);
my @faults = map { my $f = $_; ($f) x $weight{$f} } grep { !$option{only} || $option{only} =~ /\b$_\b/ } sort keys %weight;
die "no such fault\n" if !@faults;

my $primary = ChaosServer->new('a', \%option);
my $workload = ChaosWorkload->new(\%option);
my (%rounds, %seconds, $files, $statements, $acknowledged, $unknown, $lost, $uncommitted, $changed, $problems);
$_ = 0 for $files, $statements, $acknowledged, $unknown, $lost, $uncommitted, $changed, $problems;

# ---- what each fault does ----

# Ends the servers at once; the workers notice.
my %inject = (
	'postmaster' => sub { $primary->kill_postmaster },
	'all' => sub { $primary->kill_all },
	'immediate' => sub { $primary->stop('immediate') },
	'power' => sub { $primary->kill_all },
	'disk full' => sub { $primary->fill_disk; $primary->wait_for_full_disk; sleep rand 1; $primary->free_disk if rand() < 0.5; sleep rand 1 },
	'promote' => sub { $primary->kill_all },
	'restore' => sub { });
for my $kind ('backend', 'checkpointer', 'walwriter', 'background writer')
{
	$inject{$kind} = sub { $primary->kill_process($kind eq 'backend' ? 'client backend' : $kind) };
}

sub fail
{
	my ($what) = @_;
	$workload->tell_end;
	# Of a round that promotes or restores two may be at work.
	$_->stop('immediate') for map { ChaosServer->new($_, \%option) } 'a', 'b';
	1 while wait > 0;
	my $left = "$option{dir}.failed-$option{seed}";
	for (my $n = 2; -e $left; $n++) { $left = "$option{dir}.failed-$option{seed}-$n"; }
	rename $option{dir}, $left or $left = $option{dir};
	print "\nFAILED: $what\nseed $option{seed}, data folder $left/$primary->{name}, log $left/$primary->{name}.log\n";
	exit 1;
}

# Compares what is there with what each worker knows, and takes over what is there.
sub verify
{
	my ($name, @allowed) = @_;
	my ($there, @found) = $primary->contents;
	$problems += @found;
	my @wrong = $workload->compare($there, \@allowed, \my %count);
	$lost += $count{lost} // 0;
	$uncommitted += $count{uncommitted} // 0;
	$changed += $count{changed} // 0;
	fail("$name: " . join("\n  ", @found, @wrong)) if @found || @wrong;
	return;
}

sub run_round
{
	my ($round, $fault) = @_;
	my $standby;
	$primary->set_power_loss($fault eq 'power');
	if ($fault eq 'promote')
	{
		$standby = ChaosServer->new($primary->{name} eq 'a' ? 'b' : 'a', \%option);
		$standby->become_standby($primary);
	}
	$primary->begin_archive if $fault eq 'restore';
	my @runs = $workload->start($primary, $round);
	$workload->wait_for(2 + int rand 15);
	if ($fault eq 'restore')
	{
		# All that is acknowledged by then, and nothing behind it.
		my @results = $workload->finish(@runs);
		my @then = $workload->allowed(@results);
		$statements += $workload->{statements};
		$acknowledged += $workload->{acknowledged};
		verify("round $round, before the restore", @then);
		$primary->execute("SELECT pg_create_restore_point('round $round')");
		@runs = $workload->start($primary, $round + 0.5);
		$workload->wait_for(2 + int rand 4);
		$workload->finish(@runs);
		my $restored = ChaosServer->new($primary->{name} eq 'a' ? 'b' : 'a', \%option);
		$restored->restore($primary, "round $round");
		$primary->stop('fast');
		$primary->remove;
		$primary = $restored;
		verify("round $round, restored", $workload->states);
		return;
	}
	$inject{$fault}->();
	my @results = $workload->finish(@runs);
	$primary->free_disk;
	$files += ChaosDisk::lose_power($primary, rand() < 0.4) if $fault eq 'power';
	if ($fault eq 'promote')
	{
		$standby->promote;
		$primary->remove;
		$primary = $standby;
	}
	$primary->ensure_up;
	verify("round $round, $fault", $workload->allowed(@results));
	$statements += $workload->{statements};
	$acknowledged += $workload->{acknowledged};
	$unknown += $workload->{unknown};
	return;
}

print "seed $option{seed}, $option{workers} sessions that change models, one that reads, one that packs and vacuums\n";
srand $option{seed};
eval { $primary->init; $workload->prepare($primary); 1 } or fail("at the beginning: $@");
my $begin = time;
my $done = 0;
for my $round (1 .. $option{rounds})
{
	last if $round > 1 && time - $begin > $option{seconds};
	# Each at least once, where there are rounds enough.
	my $fault = $faults[ int rand @faults ];
	my @unseen = grep { !$rounds{$_} } @faults;
	$fault = $unseen[ int rand @unseen ] if @unseen && rand() < 0.5;
	my $start = time;
	eval { run_round($round, $fault); 1 } or fail("round $round, $fault: $@");
	$rounds{$fault}++;
	$seconds{$fault} += time - $start;
	$done++;
}
my ($there) = eval { $primary->contents } or fail("at the end: $@");
$primary->stop('fast');

printf "  %-20s %6s %8s\n", 'fault', 'rounds', 's each';
printf "  %-20s %6d %8.1f\n", $_, $rounds{$_}, $seconds{$_} / $rounds{$_} for sort keys %rounds;
printf "%d rounds in %.0f s: %d transactions, %d acknowledged, %d cut off at their commit; %d models at the end\n", $done, time - $begin,
  $statements, $acknowledged, $unknown, scalar keys %$there;
print "$files files went back to what was synced of them\n" if $rounds{power};
print "lost $lost, uncommitted visible $uncommitted, changed predictions $changed, problems of check_store() $problems\n";
print "report rounds=$done\nreport seed=$option{seed}\nreport transactions=$statements\nreport acknowledged=$acknowledged\nreport cut_off=$unknown\nreport files_set_back=$files\n";
print "report target:lost=$lost<=0\nreport target:uncommitted_visible=$uncommitted<=0\nreport target:changed_predictions=$changed<=0\n";
print "report target:problems=$problems<=0\n";
$primary->remove;
