# A server of the chaos benchmark: starts, ends in all ways, becomes another.
package ChaosServer;

use strict;
use warnings;
use File::Path qw(make_path remove_tree);
use Time::HiRes qw(sleep time);

sub new
{
	my ($class, $name, $option) = @_;
	my $dir = $option->{dir};
	return bless {
		name => $name, option => $option, bin => $option->{bin}, data => "$dir/$name", log => "$dir/$name.log", control => "$dir/control_$name",
		socket => "$dir/socket", port => $name eq 'a' ? 54321 : 54322, archive => "$dir/archive"
	}, $class;
}

sub run
{
	my (@command) = @_;
	my $out = `@command 2>&1`;
	die "@command: $out" if $?;
	return $out;
}

sub slurp
{
	my ($path) = @_;
	open my $in, '<', $path or die "$path: $!";
	local $/;
	return scalar(<$in>) // '';
}

# ---- making ----

sub configure
{
	my ($self) = @_;
	open my $out, '>>', "$self->{data}/postgresql.conf" or die $!;
	print $out slurp($self->{option}{conf}), <<"END";
listen_addresses = ''
unix_socket_directories = '$self->{socket}'
port = $self->{port}
shared_buffers = 16MB
max_wal_size = 64MB
checkpoint_timeout = 30s
wal_level = replica
max_wal_senders = 4
max_files_per_process = 200
archive_mode = on
archive_command = 'true'
autovacuum = on
autovacuum_naptime = 1s
wal_sync_method = fdatasync
max_worker_processes = 4
include_if_exists = 'chaos.conf'
END
	close $out or die $!;
	$self->settings(fsync => 'off');
	return;
}

# Settings that a round changes.
sub settings
{
	my ($self, %set) = @_;
	$self->{set} = { %{ $self->{set} // {} }, %set };
	open my $out, '>', "$self->{data}/chaos.conf" or die $!;
	print $out map { "$_ = '$self->{set}{$_}'\n" } sort keys %{ $self->{set} };
	close $out or die $!;
	return;
}

sub init
{
	my ($self) = @_;
	my $dir = $self->{option}{dir};
	remove_tree($dir);
	make_path($dir, $self->{socket}, $self->{control}, $self->{archive}, { mode => 0700 });
	run("$self->{bin}/initdb", '-D', $self->{data}, qw(-U postgres -A trust -E UTF8 --no-locale --no-sync));
	$self->configure;
	$self->start;
	return;
}

sub remove
{
	my ($self) = @_;
	remove_tree($self->{data}, $self->{control});
	return;
}

# ---- starting, and its state ----

sub start
{
	my ($self) = @_;
	make_path($self->{control}, { mode => 0700 });
	local $ENV{LD_PRELOAD} = $self->{option}{disk};
	local $ENV{CHAOS_DATA} = $self->{data};
	local $ENV{CHAOS_CONTROL} = $self->{control};
	my $out = '';
	for (1 .. 60)
	{
		$out = `$self->{bin}/pg_ctl -D $self->{data} -l $self->{log} -w -t 60 start 2>&1`;
		return if $? == 0;
		sleep 0.25;
	}
	die "the server does not start: $out (log $self->{log})\n";
}

sub postmaster
{
	my ($self) = @_;
	open my $in, '<', "$self->{data}/postmaster.pid" or return;
	my ($pid) = (<$in> // '') =~ /^(\d+)/ or return;
	return kill(0, $pid) ? $pid : undef;
}

sub psql
{
	my ($self) = @_;
	return "$self->{bin}/psql -XAtq -v ON_ERROR_STOP=1 -h $self->{socket} -p $self->{port} -U postgres -d postgres";
}

# Output and status of a file of statements.
sub run_file
{
	my ($self, $file, $seconds) = @_;
	my $command = 'PGOPTIONS="-c client_min_messages=warning" timeout ' . ($seconds // 60) . ' ' . $self->psql . " -f $file 2>&1";
	my $out = `$command`;
	return ($out, $? >> 8);
}

sub execute
{
	my ($self, @sql) = @_;
	my $file = "$self->{option}{dir}/execute.sql";
	open my $script, '>', $file or die $!;
	print $script "$_;\n" for @sql;
	close $script or die $!;
	my ($out, $status) = $self->run_file($file);
	die "$sql[0]: $out\n" if $status;
	return $out;
}

# A server that restarts by itself is waited for; one that is gone is started.
sub ensure_up
{
	my ($self) = @_;
	my $end = time + 90;
	while (time < $end)
	{
		$self->start if !$self->postmaster;
		return if eval { $self->execute('SELECT 1'); 1 };
		sleep 0.1;
	}
	die "the server does not come up: $@ (log $self->{log})\n";
}

# Names and digests of all models, and what is wrong with the store.
sub contents
{
	my ($self) = @_;
	my %there = map { split /\|/ } split /\n/, $self->execute('SELECT name, digest(name) FROM mosaic.models');
	my @problems = split /\n/, $self->execute(q{SELECT 'check_store(): ' || c FROM check_store() c});
	return (\%there, @problems);
}

# ---- ending ----

sub stop
{
	my ($self, $mode) = @_;
	system "$self->{bin}/pg_ctl -D $self->{data} -m $mode -w -t 60 stop >/dev/null 2>&1";
	return;
}

sub children_of
{
	my ($parent) = @_;
	my @children;
	for my $path (glob '/proc/[0-9]*/stat')
	{
		open my $file, '<', $path or next;
		my ($pid, $ppid) = (<$file> // '') =~ /^(\d+) \(.*\) \S (\d+)/ or next;
		push @children, $pid if $ppid == $parent;
	}
	return @children;
}

sub wait_for_end
{
	my (@pids) = @_;
	for (1 .. 1000)
	{
		return if !grep { kill 0, $_ } @pids;
		sleep 0.01;
	}
	die "processes do not end: @pids\n";
}

sub kill_all
{
	my ($self) = @_;
	my $postmaster = $self->postmaster // return;
	kill 'STOP', $postmaster;    # no new children
	my @all = ($postmaster, children_of($postmaster));
	kill 'KILL', @all;
	wait_for_end(@all);
	return;
}

sub kill_postmaster
{
	my ($self) = @_;
	my $postmaster = $self->postmaster // return;
	my @children = children_of($postmaster);
	kill 'KILL', $postmaster;
	wait_for_end($postmaster, @children);
	return;
}

# Any process of that type.
sub kill_process
{
	my ($self, $type) = @_;
	my @pids = grep { $_ } split /\n/,
	  $self->execute("SELECT pid FROM pg_stat_activity WHERE backend_type = '$type' AND pid <> pg_backend_pid() ORDER BY random()");
	kill 'KILL', $pids[0] if @pids;
	return;
}

# ---- disks ----

sub fill_disk
{
	my ($self) = @_;
	open my $file, '>', "$self->{control}/full" or die $!;
	return;
}

# Until it is noticed.
sub wait_for_full_disk
{
	my ($self) = @_;
	my $before = () = slurp($self->{log}) =~ /No space left/g;
	for (1 .. 100)
	{
		my $now = () = slurp($self->{log}) =~ /No space left/g;
		return if $now > $before;
		sleep 0.05;
	}
	return;
}

sub free_disk { my ($self) = @_; unlink "$self->{control}/full"; return; }

sub set_power_loss
{
	my ($self, $on) = @_;
	return if $on == (-d "$self->{control}/undo" ? 1 : 0);
	$self->stop('fast');
	remove_tree("$self->{control}/undo");
	make_path("$self->{control}/undo", { mode => 0700 }) if $on;
	$self->settings(fsync => $on && !$self->{option}{careless} ? 'on' : 'off');
	$self->start;
	return;
}

# ---- becoming another ----

sub copy_of
{
	my ($self, $other) = @_;
	remove_tree($self->{data}, $self->{control});
	run("$self->{bin}/pg_basebackup", '-D', $self->{data}, '-h', $other->{socket}, '-p', $other->{port}, qw(-U postgres -c fast -X stream --no-sync));
	return;
}

sub adopt
{
	my ($self, %set) = @_;
	$self->{set} = {};
	$self->settings(fsync => 'off', port => $self->{port}, %set);
	return;
}

# Waits for nobody but this one: what is acknowledged is there.
sub become_standby
{
	my ($self, $other) = @_;
	$self->copy_of($other);
	$self->adopt(primary_conninfo => "host=$other->{socket} port=$other->{port} user=postgres application_name=standby", hot_standby => 'on');
	open my $signal, '>', "$self->{data}/standby.signal" or die $!;
	close $signal;
	$self->start;
	$other->settings(synchronous_standby_names => 'standby', synchronous_commit => 'on');
	$other->execute('SELECT pg_reload_conf()');
	for (1 .. 600)
	{
		return if $other->execute(q{SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'}) == 1;
		sleep 0.05;
	}
	die "the standby does not follow\n";
}

sub promote
{
	my ($self) = @_;
	run("$self->{bin}/pg_ctl", '-D', $self->{data}, qw(-w -t 60 promote));
	$self->adopt;
	$self->execute('SELECT pg_reload_conf()');
	return;
}

sub begin_archive
{
	my ($self) = @_;
	remove_tree($self->{archive}, "$self->{option}{dir}/backup");
	make_path($self->{archive}, { mode => 0700 });
	$self->settings(archive_command => "cp %p \"$self->{archive}/%f\"");
	$self->execute('SELECT pg_reload_conf()', 'SELECT pg_sleep(0.2)');
	run("$self->{bin}/pg_basebackup", '-D', "$self->{option}{dir}/backup", '-h', $self->{socket}, '-p', $self->{port},
		qw(-U postgres -c fast -X none --no-sync));
	return;
}

# As the other was at the restore point.
sub restore
{
	my ($self, $other, $point) = @_;
	my $last = $other->execute('SELECT pg_walfile_name(pg_switch_wal())');
	chomp $last;
	for (1 .. 600)
	{
		last if -e "$self->{archive}/$last";
		sleep 0.05;
	}
	remove_tree($self->{data}, $self->{control});
	rename "$self->{option}{dir}/backup", $self->{data} or die "backup: $!";
	$self->adopt(restore_command => "cp \"$self->{archive}/%f\" %p", recovery_target_name => $point, recovery_target_action => 'promote');
	open my $signal, '>', "$self->{data}/recovery.signal" or die $!;
	close $signal;
	$self->start;
	for (1 .. 600)
	{
		last if $self->execute('SELECT pg_is_in_recovery()') =~ /^f/;
		sleep 0.1;
	}
	$self->adopt;
	$self->execute('SELECT pg_reload_conf()');
	return;
}

1;
