# The sessions of the chaos benchmark, and what each of them knows of its models.
#
# A session has names of its own, so that it knows what each must mean: the digest of the predictions that its
# transaction saw before it committed. What was acknowledged must be there. A transaction that was cut off at
# its COMMIT may be there or not, but wholly; one that was cut off before must not.
package ChaosWorkload;

use strict;
use warnings;
use POSIX ();
use Time::HiRes qw(sleep time);

my %files = (
	fashion => [qw(fashion_base fashion_dark fashion_noise fashion_shoes)],
	iris => [qw(iris iris_opset9 iris_float64 iris_float16 iris_constant_nodes)],
	text => ['text_classifier'],
	encoder => [qw(encoder_opset11 encoder_opset13 encoder_opset17)]);
my @kinds = qw(fashion fashion fashion iris text encoder);

# The kind of a model is the second part of its name.
my $setup = q{
CREATE EXTENSION pg_mosaic;
CREATE TABLE pictures AS
SELECT i, (SELECT array_agg((i * j % 97 / 97.0)::real ORDER BY j) FROM generate_series(1, 784) j) AS x FROM generate_series(1, 12) i;
CREATE FUNCTION output(m text, i int) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN CASE split_part(m, '_', 2)
    WHEN 'fashion' THEN predict(m, (SELECT x FROM pictures p WHERE p.i = output.i))::text
    WHEN 'iris' THEN predict(m, ARRAY[i % 7, i % 5, i % 3, i % 2]::real[])::text
    WHEN 'text' THEN predict(m, ARRAY(SELECT i * j % 2000 FROM generate_series(1, i) j))::text
    ELSE predict(m, ARRAY(SELECT 1 + i * j % 60 FROM generate_series(1, i) j))::text
  END;
END $$;
CREATE FUNCTION digest(m text) RETURNS text LANGUAGE sql STABLE AS
  $$ SELECT md5(string_agg(output(m, i), ',' ORDER BY i)) FROM generate_series(1, 6) i $$};

sub new
{
	my ($class, $option) = @_;
	# states: of each session, name => digest
	return bless { option => $option, states => [ map { {} } 1 .. $option->{workers} ] }, $class;
}

sub prepare
{
	my ($self, $server) = @_;
	$server->execute($setup);
	return;
}

sub states { my ($self) = @_; return map { [$_] } @{ $self->{states} }; }

sub pick { return $_[ int rand @_ ]; }

# ---- one transaction: what to do, how it ends, and the state behind it, given the digest ----

sub draw
{
	my ($self, $session, $state) = @_;
	my $kind = pick(@kinds);
	my @have = grep { /^w\d+_$kind\_/ } sort keys %$state;
	my $free = (grep { !exists $state->{$_} } map { "w${session}_${kind}_$_" } 1 .. 3)[0];
	my $file = "$self->{option}{models}/" . pick(@{ $files{$kind} }) . '.onnx';
	my $what = pick(qw(import import import replace replace drop rename merge ladder));
	$what = 'import' if !@have;
	$what = 'replace' if $what eq 'import' && !$free;
	$what = 'drop' if $what eq 'rename' && !$free;
	$what = 'replace' if $what =~ /merge|ladder/ && $kind ne 'fashion';
	my $judged = q{validation => 'SELECT x FROM pictures', metric => 'agreement', max_drop => 0.5};
	# Of which the gate alone would merge all, and leave no differences.
	my $low = pick('max_weight_error => 0.003', 'max_weight_error => 0.01');
	if ($what eq 'import' || $what eq 'replace')
	{
		my $name = $what eq 'import' ? $free : pick(@have);
		my $how = pick('', '', $kind eq 'fashion' ? ", dedup => 'near', $judged" : ", dedup => 'near', max_weight_error => 0.05",
			", dedup => 'lossless'", $kind eq 'fashion' ? ", dedup => 'ladder', $judged, $low" : ", dedup => 'ladder', $low", ", dtype => 'bf16'", $kind eq 'fashion' ? ", dtype => 'bf16', dedup => 'near', $judged" : ", dtype => 'bf16'");
		my $replace = $what eq 'replace' ? 'true' : 'false';
		return ("SELECT count(*) FROM import_model('$name', '$file', $replace$how)", $name, sub { return { %$state, $name => $_[0] } });
	}
	my $name = pick(@have);
	if ($what eq 'drop')
	{
		my %rest = %$state;
		delete $rest{$name};
		return ("SELECT drop_model('$name')", undef, sub { return \%rest });
	}
	if ($what eq 'rename')
	{
		my %renamed = %$state;
		delete $renamed{$name};
		return ("SELECT rename_model('$name', '$free')", $free, sub { return { %renamed, $free => $_[0] } });
	}
	my $function = $what eq 'merge' ? 'dedup_model' : 'dedup_ladder';
	my $how = $what eq 'merge' ? $judged : "$judged, $low";
	return ("SELECT merged FROM $function('$name', $how)", $name, sub { return { %$state, $name => $_[0] } });
}

# Runs it. Returns how it ended (acknowledged, failed, unknown), the state if it is committed, and the output.
sub transact
{
	my ($self, $server, $file, $sql, $name, $behind) = @_;
	my $digest = defined $name ? "digest('$name')" : "'none'";
	open my $script, '>', $file or die $!;
	print $script "BEGIN;\n$sql;\nSELECT 'ready ' || $digest;\n", rand() < 0.05 ? "ROLLBACK;\n" : "COMMIT;\n\\echo committed\n";
	close $script or die $!;
	my ($out, $status) = $server->run_file($file, 30);
	my ($ready) = $out =~ /^ready (\S+)$/m;
	return ('acknowledged', $behind->($ready), $out) if $out =~ /^committed$/m;
	return ('unknown', $behind->($ready), $out) if defined $ready && $status;
	return ('failed', undef, $out);
}

# ---- sessions ----

sub change_models
{
	my ($self, $server, $session, $until) = @_;
	my $state = $self->{states}[ $session - 1 ];
	my $file = "$self->{option}{dir}/session_$session.sql";
	my @result = ($state);
	my ($n, $acknowledged) = (0, 0);
	while (!$until->())
	{
		my ($how, $next, $out) = $self->transact($server, $file, $self->draw($session, $state));
		$n++;
		if ($how eq 'acknowledged')
		{
			$acknowledged++;
			@result = ($state = $next);
			$self->note_progress;
		}
		if ($how eq 'unknown')
		{
			@result = ($state, $next);
			last;
		}
		sleep 0.05 if $how eq 'failed';
		# An error that no fault explains is one of the extension.
		die "session $session: $out\n" if $out =~ /ERROR: +(?:XX|\S+: could not find|cache lookup|block \d+ of)/;
	}
	return join "\n", "counts $n $acknowledged", map { join ' ', 'state', map { ($_) } %$_ } @result;
}

# What each snapshot sees stays as it is.
sub read_models
{
	my ($self, $server, $until) = @_;
	my $file = "$self->{option}{dir}/reader.sql";
	while (!$until->())
	{
		open my $script, '>', $file or die $!;
		print $script "BEGIN ISOLATION LEVEL REPEATABLE READ;\nCREATE TEMP TABLE seen AS SELECT name, digest(name) FROM mosaic.models;\n",
		  "SELECT pg_sleep(0.1);\nSELECT 'changed: ' || name FROM seen FULL JOIN (SELECT name, digest(name) FROM mosaic.models) now USING (name)",
		  " WHERE seen.digest IS DISTINCT FROM now.digest;\nROLLBACK;\n";
		close $script or die $!;
		my ($out) = $server->run_file($file, 30);
		die "reader: $out\n" if $out =~ /changed: |ERROR: .*(?:missing|damaged)/;
		sleep 0.05;
	}
	return 'read';
}

sub maintain
{
	my ($self, $server, $until) = @_;
	my $file = "$self->{option}{dir}/maintenance.sql";
	while (!$until->())
	{
		my $sql = pick('SELECT count(*) FROM pack_models()', 'SELECT count(*) FROM pack_models()', 'VACUUM mosaic.block', 'VACUUM', 'CHECKPOINT',
			rand() < 0.3 ? 'VACUUM FULL mosaic.block' : 'CHECKPOINT', 'SELECT sum(prewarm_model(name)) FROM mosaic.models',
			q{SELECT 'problem: ' || c FROM check_store() c});
		open my $script, '>', $file or die $!;
		print $script "$sql;\n";
		close $script or die $!;
		my ($out) = $server->run_file($file, 30);
		die "maintenance: $out\n" if $out =~ /^problem: /m;
		sleep 0.05;
	}
	return 'maintained';
}

# A byte for each transaction that is acknowledged.
sub note_progress
{
	my ($self) = @_;
	open my $out, '>>', "$self->{option}{dir}/progress" or die $!;
	print $out '.';
	close $out;
	return;
}

# Until so many are, or for a while where that takes too long; then a moment more, for others to be under way.
sub wait_for
{
	my ($self, $n) = @_;
	my $end = time + 20;
	sleep 0.02 until (-s "$self->{option}{dir}/progress" // 0) >= $n || time > $end;
	sleep rand 0.3;
	return;
}

# Each in a process of its own, until told to finish.
sub start
{
	my ($self, $server, $round) = @_;
	my $stop = "$self->{option}{dir}/stop";
	unlink $stop, "$self->{option}{dir}/progress";
	my $until = sub { return -e $stop };
	my @runs;
	for my $session (1 .. $self->{option}{workers} + 2)
	{
		my $result = "$self->{option}{dir}/result_$session";
		unlink $result;
		my $pid = fork // die "fork: $!";
		if ($pid == 0)
		{
			srand $self->{option}{seed} * 1000 + $round * 10 + $session;
			my $text = eval {
				$session <= $self->{option}{workers} ? $self->change_models($server, $session, $until)
				  : $session == $self->{option}{workers} + 1 ? $self->read_models($server, $until)
				  : $self->maintain($server, $until);
			} // "fault $@";
			open my $out, '>', $result or POSIX::_exit(1);
			print $out $text;
			close $out;
			POSIX::_exit(0);
		}
		push @runs, [ $pid, $result ];
	}
	return @runs;
}

sub tell_end
{
	my ($self) = @_;
	open my $stop, '>', "$self->{option}{dir}/stop" or return;
	close $stop;
	return;
}

sub finish
{
	my ($self, @runs) = @_;
	$self->tell_end;
	my @results;
	for my $run (@runs)
	{
		my ($pid, $file) = @$run;
		waitpid $pid, 0;
		open my $in, '<', $file or die "a session ended without a word: $file\n";
		my $text = do { local $/; <$in> };
		die $1 if $text =~ /^fault (.*)/s;
		push @results, $text;
	}
	return @results;
}

# The states that each session's models may be in, by what the sessions said.
sub allowed
{
	my ($self, @results) = @_;
	my @allowed;
	$self->{statements} = $self->{acknowledged} = $self->{unknown} = 0;
	for my $text (@results)
	{
		my ($n, $acknowledged) = $text =~ /^counts (\d+) (\d+)/ or next;
		my @states = map { my @words = split / /, $_; shift @words; +{@words} } grep { /^state/ } split /\n/, $text;
		push @allowed, \@states;
		$self->{statements} += $n;
		$self->{acknowledged} += $acknowledged;
		$self->{unknown} += @states - 1;
	}
	return @allowed;
}

# What is there against what may be: what is wrong. Takes over what is there.
sub compare
{
	my ($self, $there, $allowed, $count) = @_;
	my @wrong;
	for my $session (1 .. @$allowed)
	{
		my %is = map { $_ => $there->{$_} } grep { /^w$session\_/ } keys %$there;
		my @may = @{ $allowed->[ $session - 1 ] };
		my $digest = sub { my ($state) = @_; return join ' ', map { "$_=$state->{$_}" } sort keys %$state };
		$self->{states}[ $session - 1 ] = \%is;
		next if grep { $digest->($_) eq $digest->(\%is) } @may;
		# Against the state that is acknowledged.
		my $must = $may[0];
		for my $name (sort keys %{ { %is, %$must } })
		{
			my $kind = !exists $is{$name} ? 'lost' : !exists $must->{$name} ? 'uncommitted' : $is{$name} ne $must->{$name} ? 'changed' : next;
			$count->{$kind}++;
			push @wrong, "$name: $kind";
		}
	}
	return @wrong;
}

1;
