# What a power failure leaves of files whose changes disk.c has noted.
package ChaosDisk;

use strict;
use warnings;
use File::Find;

use constant SECTOR => 4096;

sub slurp
{
	my ($path) = @_;
	open my $in, '<:raw', $path or die "$path: $!";
	local $/;
	return scalar(<$in>) // '';
}

# [offset, size before, bytes before], oldest first. What was cut off while it was noted did not happen.
sub records
{
	my ($undo) = @_;
	my @records;
	for (my $at = 0; $at + 24 <= length $undo;)
	{
		my ($off, $length, $size) = unpack 'Q<3', substr $undo, $at, 24;
		last if $at + 24 + $length > length $undo;
		push @records, [ $off, $size, substr $undo, $at + 24, $length ];
		$at += 24 + $length;
	}
	return @records;
}

# The file as it was synced last.
sub synced
{
	my ($now, @records) = @_;
	my $then = $now;
	for my $record (reverse @records)
	{
		my ($off, $size, $bytes) = @$record;
		$then .= "\0" x ($off + length($bytes) - length $then) if $off + length $bytes > length $then;
		substr($then, $off, length $bytes) = $bytes;
		$then .= "\0" x ($size - length $then) if $size > length $then;
		substr($then, $size) = '' if length $then > $size;
	}
	return $then;
}

# Either state of each sector that was not synced; nothing of it where all is lost.
sub mixed
{
	my ($now, $then, $all) = @_;
	return $then if $all;
	my $size = rand() < 0.5 ? length $now : length $then;
	my $mixed = '';
	for (my $at = 0; $at < $size; $at += SECTOR)
	{
		my ($a, $b) = rand() < 0.5 ? ($now, $then) : ($then, $now);
		my $sector = $at < length $a ? substr $a, $at, SECTOR : '';
		# What one state does not have, the other may; what neither has is zero.
		$sector .= substr $b, $at + length $sector, SECTOR - length $sector if length $sector < SECTOR && $at + length $sector < length $b;
		$mixed .= $sector . "\0" x (SECTOR - length $sector);
	}
	return substr $mixed, 0, $size;
}

# For a server whose processes are gone. Returns the number of files that lost something.
sub lose_power
{
	my ($server, $all) = @_;
	my (%path, $changed);
	find({ no_chdir => 1, wanted => sub { my @s = lstat; $path{"$s[0]-$s[1]"} = $_ if -f _ } }, $server->{data});
	for my $undo (glob "$server->{control}/undo/*")
	{
		my ($id) = $undo =~ /([^\/]+)$/;
		my @records = records(slurp($undo));
		my $path = $path{$id};
		unlink $undo;
		next if !@records || !$path;
		my $now = slurp($path);
		my $after = mixed($now, synced($now, @records), $all);
		next if $after eq $now;
		$changed++;
		open my $out, '>:raw', $path or die "$path: $!";
		print $out $after or die "$path: $!";
		close $out or die "$path: $!";
	}
	return $changed // 0;
}

1;
