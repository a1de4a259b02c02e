# Cancel and statement_timeout in the middle of predictions and imports: the session goes on, nothing is left behind.
use strict;
use warnings;
use List::Util qw(max);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use MosaicTest;

my $big = "$PostgreSQL::Test::Utils::tmp_check/big.onnx";
write_model($big, 1, [ matmul => 2048, 4096 ], [ gemm => 4096, 2048 ]);
my $huge = "$PostgreSQL::Test::Utils::tmp_check/huge.onnx";
write_model($huge, 2, [ gather => 40_000, 1024 ], [ matmul => 1024, 4096 ]);

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nmax_wal_size = 4GB\nshared_buffers = 256MB\njit = off\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_mosaic;' . import_sql('fashion_base', 'iris')
	  . "SELECT import_model('big', '$big');" . q{
CREATE TABLE item AS SELECT i, array_fill((i % 97 / 97.0)::real, '{2048}') AS features FROM generate_series(1, 2000) i;
CREATE TABLE batch AS SELECT array_agg(features) AS features FROM item;
-- Milliseconds from the cancel of a backend to the end of its statement: elapsed, and of its processor time
CREATE FUNCTION cpu(pid int) RETURNS numeric VOLATILE LANGUAGE sql AS
$$ SELECT split_part(pg_read_file('/proc/' || pid || '/schedstat'), ' ', 1)::numeric / 1e6 $$;
CREATE FUNCTION cancel(pid int, OUT elapsed numeric, OUT processor numeric) LANGUAGE plpgsql AS $$
DECLARE start timestamptz := clock_timestamp();
BEGIN
  processor := cpu(pid);
  PERFORM pg_cancel_backend(pid);
  LOOP
    PERFORM pg_stat_clear_snapshot();
    EXIT WHEN (SELECT state <> 'active' FROM pg_stat_activity a WHERE a.pid = cancel.pid);
    PERFORM pg_sleep(0.0005);
  END LOOP;
  elapsed := round(1000 * extract(epoch FROM clock_timestamp() - start), 1);
  processor := round(cpu(pid) - processor, 1);
END $$});
my $count = 'SELECT (SELECT count(*) FROM mosaic.block), (SELECT count(*) FROM mosaic.model)';
my $stored = $node->safe_psql('postgres', $count);

my $session = $node->background_psql('postgres', on_error_stop => 0);
my $pid = backend_of($session);

# No pin, no share of the pool, no lock: others may rewrite, freeze and drop.
sub nothing_left
{
	my ($name) = @_;
	is($node->safe_psql('postgres', 'SELECT mosaic.pin_shares()'), '0', "$name: no share of the pool is held");
	is( $node->safe_psql('postgres', q{SET lock_timeout = '5s'; SET statement_timeout = '20s';
			VACUUM (FREEZE) mosaic.block; BEGIN; LOCK mosaic.block, mosaic.store, mosaic.model; ROLLBACK; SELECT 'free'}),
		'free', "$name: blocks can be frozen and locked");
	return;
}

my $classes = q{SELECT count(*), sum(predict_class('big', features)) FROM item WHERE i <= 20};
my $expected = $node->safe_psql('postgres', $classes);

sub survives
{
	my ($name) = @_;
	is($session->query_safe($classes), $expected, "$name: the session predicts as before");
	is($node->safe_psql('postgres', $count), $stored, "$name: the store is as before");
	return;
}

my %long = (
	'predict, row after row' => 'SELECT sum(predict_class(\'big\', features)) FROM item, generate_series(1, 100)',
	'predict, one batch' => 'SELECT predict(\'big\', features) FROM batch',
	'predict in an open transaction' => 'BEGIN; SAVEPOINT s; SELECT predict(\'big\', features) FROM batch',
	'import' => "SELECT import_model('huge', '$huge')",
	'import that replaces' => "SELECT import_model('big', '$huge', replace => true)");
for my $name (sort keys %long)
{
	my (@elapsed, @processor, $output);
	for my $try (1 .. 5)
	{
		my $before = $node->safe_psql('postgres', 'SELECT last_value FROM mosaic.block_id_seq');
		start_statement($session, $long{$name});
		# in the middle: the import has stored blocks, the prediction has had time to begin
		poll_ok($node, "(SELECT last_value FROM mosaic.block_id_seq) > $before + 2000 * $try", "$name: under way") if $name =~ /import/;
		my ($elapsed, $processor) = split /\|/, $node->safe_psql('postgres', 'SELECT pg_sleep(' . 0.07 * $try . ") \\g /dev/null\nSELECT * FROM cancel($pid)");
		push @elapsed, $elapsed;
		push @processor, $processor;
		(undef, $output) = finish_statement($session);
		like($output, qr/canceling statement due to user request/, "$name: cancelled");
		$session->query('ROLLBACK') if $name =~ /transaction/;
		$session->{stderr} = '';
	}
	note "LATENCY of a cancel, $name: @elapsed ms, of them of processor time @processor ms";
	# Elapsed time depends on who else is at work on the machine.
	cmp_ok((sort { $a <=> $b } @processor)[2], '<', 50, "$name: less than 50 ms of processor time after a cancel");
	survives($name);
	nothing_left($name);
}
store_is_sound($node, 'postgres', 'imports cancelled');

for my $name (sort keys %long)
{
	$session->query_safe("SET statement_timeout = '200ms'");
	(undef, my $failed) = $session->query("\\timing on\n$long{$name};\n\\timing off");
	like($session->{stderr}, qr/canceling statement due to statement timeout/, "$name: statement_timeout");
	$session->{stderr} = '';
	$session->query('ROLLBACK') if $name =~ /transaction/;
	$session->{stderr} = '';
	$session->query_safe('RESET statement_timeout');
	survives("$name, statement_timeout");
}
nothing_left('statement_timeout');
store_is_sound($node, 'postgres', 'imports timed out');

# A time for each prediction, alone and in batches
for my $statement ($long{'predict, one batch'}, q{SELECT predict_class('big', features) FROM item WHERE i = 1}, $long{'predict, row after row'})
{
	my ($rc, undef, $err) = $node->psql('postgres', "\\set VERBOSITY sqlstate\nSET pg_mosaic.max_prediction_time = '1ms'; $statement");
	like($err, qr/ERROR:  57014/, "max_prediction_time: $statement");
}
is($node->safe_psql('postgres', "SET pg_mosaic.max_prediction_time = '1min'; $classes"), $expected, 'max_prediction_time that suffices');
nothing_left('max_prediction_time');

# A backend that is terminated
my $doomed = $node->background_psql('postgres', on_error_stop => 0);
my $doomed_pid = backend_of($doomed);
start_statement($doomed, $long{'predict, one batch'});
$node->safe_psql('postgres', "SELECT pg_sleep(0.1), pg_terminate_backend($doomed_pid, 5000)");
eval { $doomed->quit };
nothing_left('terminated');

# An export that is cancelled or terminated leaves no part of a file.
my $exported = $PostgreSQL::Test::Utils::tmp_check . '/exported.onnx';
my $whole = $node->safe_psql('postgres', "SELECT octet_length(export_model('big'))");
for my $end ('pg_cancel_backend', 'pg_terminate_backend')
{
	my $parts = 0;
	for (1 .. 3)
	{
		my $exporter = $node->background_psql('postgres', on_error_stop => 0);
		my $exporter_pid = backend_of($exporter);
		start_statement($exporter, "SELECT export_model('big', '$exported')");
		$node->safe_psql('postgres', "DO \$\$ BEGIN WHILE (pg_stat_file('$exported', true)).size IS NULL LOOP END LOOP; PERFORM $end($exporter_pid); END \$\$");
		eval { $exporter->quit };
		poll_ok($node, "NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $exporter_pid)", "$end: it is gone");
		# Too late, and it was written.
		$parts++ if -e $exported && -s $exported != $whole;
		unlink $exported;
	}
	is($parts, 0, "$end: no part of a file");
}

# Each of these, again and again, must not make the backend grow.
my $image = q{array_fill((i % 9 / 9.0)::real, '{784}')};
my %repeated = (
	'an error while rows are predicted' => qq{SELECT predict_class('fashion_base', $image), 1 / (40 - i) FROM generate_series(1, 50) i},
	'an input that is refused' => q{SELECT predict('fashion_base', ARRAY[1, 2, 3]::real[])},
	'a model that is not there' => q{SELECT predict('nobody', ARRAY[1]::real[])},
	'a damaged model' => q{SELECT import_model('damaged', substr(pg_read_binary_file('} . data('fashion_base') . q{'), 1, 200000))},
	'an import with an existing name' => q{SELECT import_model('iris', '} . data('iris') . q{')},
	'an import rolled back' => q{BEGIN; SELECT import_model('x', '} . data('fashion_shoes') . q{'); ROLLBACK},
	'a prediction with an import rolled back' => q{BEGIN; SELECT import_model('x', '} . data('iris_float16') . q{'); SELECT predict_class('x', 1, 2, 3, 4); ROLLBACK},
	'statement_timeout' => qq{BEGIN; SET LOCAL statement_timeout = 4; SELECT predict('big', features) FROM batch; ROLLBACK},
	'LIMIT' => qq{SELECT predict_class('fashion_base', $image) FROM generate_series(1, 50) i LIMIT 3},
	'a cursor, not read to its end' => qq{BEGIN; DECLARE c CURSOR FOR SELECT predict_class('fashion_base', $image) FROM generate_series(1, 50) i; FETCH 3 FROM c; COMMIT},
	'a savepoint rolled back' => qq{BEGIN; DECLARE c CURSOR FOR SELECT predict_class('fashion_base', $image) FROM generate_series(1, 50) i; FETCH 1 FROM c;
		SAVEPOINT s; FETCH 1 FROM c; SELECT predict_class('iris', 1, 2, 3, 4); SELECT 1 / 0; ROLLBACK TO s; FETCH 1 FROM c; COMMIT},
	'caught errors' => q{DO $$ BEGIN PERFORM predict_class('iris', 1, 2, 3, 4); PERFORM predict('iris', 1, 2); EXCEPTION WHEN OTHERS THEN
		PERFORM predict_class('iris', 1, 2, 3, 4); END $$});

sub repeat
{
	my ($n, $sql) = @_;
	$session->query_until(qr/^done$/m, "\\o /dev/null\n" . "$sql;\n" x $n . "\\o\n\\echo done\n");
	$session->{stdout} = $session->{stderr} = '';
	return;
}

sub memory
{
	my $contexts = $session->query_safe('SELECT sum(total_bytes) FROM pg_backend_memory_contexts');
	return ($contexts, (memory_of($pid))[0]);
}

for my $name (sort keys %repeated)
{
	# the plans of some 1000 models are kept
	repeat($name =~ /prediction with/ ? 1100 : 30, $repeated{$name});
	# What leaks grows every time; the allocator's heap grows in leaps until its pieces suit what comes and goes. Two rounds, one after
	# the other, without growth: one alone may be between two leaps of what leaks.
	my (@contexts, @anon);
	my $quiet = 0;
	for (1 .. 6)
	{
		my ($contexts_before, $anon_before) = memory();
		repeat(200, $repeated{$name});
		my ($contexts_after, $anon_after) = memory();
		push @contexts, $contexts_after - $contexts_before;
		push @anon, $anon_after - $anon_before;
		note sprintf 'MEMORY after 200 x %s: contexts %+d bytes, anonymous %+d bytes', $name, $contexts[-1], $anon[-1];
		$quiet = $contexts[-1] <= 16 * 1024 && $anon[-1] <= 512 * 1024 ? $quiet + 1 : 0;
		last if $quiet == 2;
	}
	cmp_ok(max(@contexts[ -2, -1 ]), '<=', 16 * 1024, "$name: memory contexts do not grow");
	cmp_ok(max(@anon[ -2, -1 ]), '<=', 512 * 1024, "$name: the process does not grow");
}
nothing_left('all of that');
survives('all of that');

# One call of check_store() and repair_store(), of a store with many models over the same blocks, whose places are yet to be written:
# cancelled after each seventh of the processor time that it takes.
$node->safe_psql('postgres', q{
CREATE FUNCTION copies(relation regclass, n int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE (SELECT format('INSERT INTO %s SELECT %s FROM %1$s, generate_series(1, %3$s) i WHERE model_id = mosaic.model_id(''big'')', relation,
      string_agg(CASE WHEN attname = 'model_id' THEN 'model_id + 1000000 + i' WHEN attname = 'places' THEN 'NULL'
        WHEN attname = 'name' AND relation = 'mosaic.model'::regclass THEN 'name || i' ELSE quote_ident(attname) END, ', ' ORDER BY attnum), n)
    FROM pg_attribute WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped);
END $$;
SELECT copies('mosaic.model', 50), copies('mosaic.tensor', 50), setval('mosaic.model_id_seq', 2000000);
UPDATE mosaic.block_meta SET models = models + 50 WHERE block_id IN (SELECT unnest(mosaic.map_blocks(map)) FROM mosaic.tensor WHERE model_id = mosaic.model_id('big'));
-- Of the statement that begins after since; NULL where it ends before its processor time is at.
CREATE FUNCTION cancel_at(pid int, since timestamptz, at numeric, OUT elapsed numeric, OUT processor numeric) LANGUAGE plpgsql AS $$
BEGIN
  WHILE cpu(pid) < at LOOP
    PERFORM pg_sleep(0.0005), pg_stat_clear_snapshot();
    IF (SELECT query_start > since AND state <> 'active' FROM pg_stat_activity a WHERE a.pid = cancel_at.pid) THEN RETURN; END IF;
  END LOOP;
  SELECT * INTO elapsed, processor FROM cancel(pid);
END $$});
$stored = $node->safe_psql('postgres', $count);
my $places = q{SELECT count(places) FROM mosaic.tensor};
my $written = $node->safe_psql('postgres', $places);
for my $name ('check_store', 'repair_store')
{
	my $call = "SELECT count(*) FROM $name()";
	my $begin = $node->safe_psql('postgres', "SELECT cpu($pid)");
	is($session->query_safe("BEGIN; $call; ROLLBACK"), '0', "$name: the store is sound");
	my $whole = $node->safe_psql('postgres', "SELECT cpu($pid)") - $begin;
	my (@processor, $output);
	for my $try (1 .. 5)
	{
		my ($since, $at) = split /\|/, $node->safe_psql('postgres', "SELECT clock_timestamp(), cpu($pid) + $whole * $try / 7");
		start_statement($session, $call);
		my ($elapsed, $processor) = split /\|/, $node->safe_psql('postgres', "SELECT * FROM cancel_at($pid, '$since', $at)");
		(undef, $output) = finish_statement($session);
		ok(length $processor, "$name: it takes $try sevenths of the processor time that it took before") or next;
		push @processor, $processor;
		like($output, qr/canceling statement due to user request/, "$name: cancelled inside, $try");
	}
	note "LATENCY of a cancel inside $name() that takes $whole ms: @processor ms of processor time";
	cmp_ok((sort { $a <=> $b } @processor)[2] // 'inf', '<', 50, "$name: less than 50 ms of processor time after a cancel inside");
	$session->query_safe('SET statement_timeout = ' . int($whole / 2));
	$session->query($call);
	like($session->{stderr}, qr/canceling statement due to statement timeout/, "$name: statement_timeout inside");
	$session->{stderr} = '';
	$session->query_safe('RESET statement_timeout');
	is($node->safe_psql('postgres', "$places; SELECT count(*) FROM mosaic.progress"), "$written\n0", "$name: nothing is written, no progress is shown");
	survives($name);
	nothing_left($name);
}
is($session->query_safe('SELECT count(*) FROM repair_store()') . $node->safe_psql('postgres', 'SELECT count(*) FROM mosaic.tensor WHERE map IS NOT NULL AND places IS NULL'), '00',
	'repair_store() that is not cancelled writes the places');
is($node->safe_psql('postgres', q{SELECT drop_model('big'); DROP EXTENSION pg_mosaic CASCADE; SELECT 'gone'}) =~ s/^\n//r,
	'gone', 'models and extension can be dropped under the session');
$session->quit;
$node->stop;
unlink $big, $huge;
done_testing();
