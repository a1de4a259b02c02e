
=pod

=head1 NAME

MosaicTest - what the TAP tests of pg_mosaic share

Models of the repository (data), generated ones (write_model), digests of predictions to the bit,
a check of the whole store, crashes, background statements, concurrent sessions and the memory of a backend.

=cut

package MosaicTest;

use strict;
use warnings;
use Exporter 'import';
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

our @EXPORT = qw(data import_sql crash write_model fine_tune pg_upgrade_ok differ predictions store_is_sound
  start_statement finish_statement run_sessions backend_of poll_ok memory_of mb);

my $data = $ENV{MOSAIC_TEST_DATA} // die 'MOSAIC_TEST_DATA is not set';

=item data(NAME)

Path of a model of test/data/models.

=cut

sub data
{
	my ($name) = @_;
	return "$data/models/$name.onnx";
}

=item import_sql(NAME, [MODEL, ...])

Statements that import models of test/data under their own names.

=cut

sub import_sql
{
	return join '', map { "SELECT import_model('$_', '" . data($_) . "');" } @_;
}

=item crash(NODE)

Kills all processes of the server at once, as a power failure would, and starts it again.

=cut

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

sub crash
{
	my ($server) = @_;
	my $postmaster = $server->{_pid};
	kill 'STOP', $postmaster;    # no new children
	my @children = children_of($postmaster);
	$server->kill9;
	kill 'KILL', @children;
	for (1 .. 100)
	{
		return if $server->start(fail_ok => 1);
		$server->stop('fast', fail_ok => 1);
		usleep(100_000);
	}
	BAIL_OUT('the server does not start after a crash');
}

# ---- generated models ----

# Protocol buffers: a message is a list of pieces, bytes or [number of random bytes].
sub varint
{
	my ($n) = @_;
	my $bytes = '';
	for (; $n > 127; $n >>= 7) { $bytes .= chr($n & 127 | 128); }
	return $bytes . chr $n;
}

sub number { my ($field, $n) = @_; return varint($field << 3) . varint($n); }

sub message
{
	my ($field, @pieces) = @_;
	my $length = 0;
	$length += ref $_ ? $_->[0] : length for @pieces;
	return (varint($field << 3 | 2) . varint($length), @pieces);
}

sub value_info
{
	my ($field, $name, $type, @dims) = @_;
	my $shape = join '', map { message(1, /^\d+$/ ? number(1, $_) : message(2, $_)) } @dims;
	return join '', message($field, message(1, $name), message(2, message(1, number(1, $type), message(2, $shape))));
}

sub node
{
	my ($op, $inputs, $output, %attributes) = @_;
	return join '',
	  message(1, (map { message(1, $_) } @$inputs), message(2, $output), message(3, "node_$output"), message(4, $op),
		map { message(5, message(1, $_), ref $attributes{$_} ? number(8, $attributes{$_}[0]) . number(20, 7)
			  : number(3, $attributes{$_}) . number(20, 2)) } sort keys %attributes);
}

# Random floats, +-[2^-7, 2^-6): one MB of them, changed a little for each MB written.
sub write_random
{
	my ($file, $bytes, $state) = @_;
	while ($bytes > 0)
	{
		my $n = $bytes < 1 << 20 ? $bytes : 1 << 20;
		my $change = pack 'V', ++$state->{count} * 2654435761 & 0x007fffff;
		print $file substr(($state->{base} ^ $change x (1 << 18)), 0, $n) or die "write: $!";
		$bytes -= $n;
	}
	return;
}

=item write_model(PATH, SEED, LAYER, ...)

Writes an ONNX model of random weights, the same for the same arguments. A layer is one of

  [gather => N, D]   first only: the mean of the rows of an N x D table that the tokens name
  [matmul => K, M]   MatMul with a K x M matrix
  [gemm   => K, M]   Gemm with an M x K matrix, transposed

with Relu in between. Input: tokens (int64 [batch, sequence]) or features (float [batch, K]).
Returns the bytes of weights.

=cut

sub write_model
{
	my ($path, $seed, @layers) = @_;
	my $tokens = $layers[0][0] eq 'gather';
	my $value = $tokens ? 'tokens' : 'features';
	my $bytes = 0;
	my (@graph, @tensors);
	for my $i (0 .. $#layers)
	{
		my ($kind, $rows, $cols) = @{ $layers[$i] };
		my @dims = $kind eq 'gemm' ? ($cols, $rows) : ($rows, $cols);
		push @tensors, message(5, (map { number(1, $_) } @dims), number(2, 1), message(8, "w$i"), message(9, [ 4 * $rows * $cols ]));
		$bytes += 4 * $rows * $cols;
		push @graph, $kind eq 'gather' ? node('Gather', [ "w$i", $value ], "y$i", axis => 0)
		  . node('ReduceMean', ["y$i"], "z$i", axes => [1], keepdims => 0)
		  : ($kind eq 'matmul' ? node('MatMul', [ $value, "w$i" ], "y$i") : node('Gemm', [ $value, "w$i" ], "y$i", transB => 1))
		  . ($i < $#layers ? node('Relu', ["y$i"], "z$i") : '');
		$value = $kind eq 'gather' || $i < $#layers ? "z$i" : "y$i";
	}
	my @model = (
		number(1, 7),
		message(7, @graph, message(2, 'generated'), @tensors,
			$tokens ? value_info(11, 'tokens', 7, 'batch', 'sequence') : value_info(11, 'features', 1, 'batch', $layers[0][1]),
			value_info(12, $value, 1, 'batch', $layers[-1][2])),
		message(8, number(2, 13)));

	srand $seed;
	my $state = { count => $seed, base => pack('V*', map { rand 0x800000 | 0x3c000000 } 1 .. 1 << 18) };
	$state->{base} |= pack('V*', map { rand() < 0.5 ? 0x80000000 : 0 } 1 .. 64) x (1 << 12);
	open my $file, '>:raw', $path or die "$path: $!";
	for my $piece (@model)
	{
		if (ref $piece) { write_random($file, $piece->[0], $state); }
		else { print $file $piece or die "write: $!"; }
	}
	close $file or die "$path: $!";
	return $bytes;
}

=item fine_tune(SEED)

Writes a model like fashion_base but for lower bits of the weights of its first two layers, where they lie in the file;
the same for the same number. Returns its path.

=cut

sub fine_tune
{
	my ($seed) = @_;
	my $path = "$PostgreSQL::Test::Utils::tmp_check/tuned$seed.onnx";
	my $content = slurp_file(data('fashion_base'));
	srand($seed);
	for my $layer ([ 503, 200_704 ], [ 804_388, 32_768 ])
	{
		my ($first, $n) = @$layer;
		for my $i (0 .. $n - 1)
		{
			my $at = $first + 4 * $i;
			substr($content, $at, 1) = chr(int(rand(256)));
			substr($content, $at + 1, 1) ^= chr(int(rand(16)));
		}
	}
	append_to_file($path, $content);
	return $path;
}

# ---- what must stay the same ----

=item differ(EXPECTED, GOT)

Lines that only one of two texts has, as "- line" and "+ line".

=cut

sub differ
{
	my ($expected, $got) = @_;
	my %count;
	$count{$_}-- for split /\n/, $expected;
	$count{$_}++ for split /\n/, $got;
	return join "\n", map { ($count{$_} < 0 ? '- ' : '+ ') . $_ } grep { $count{$_} } sort keys %count;
}

my %input = (
	iris => 'ARRAY[i % 7, i % 5, i % 3, i % 2]::real[]',
	text_classifier => '(SELECT array_agg(i * j % 2000) FROM generate_series(1, i) j)',
	encoder_opset17 => '(SELECT array_agg(1 + i * j % 60) FROM generate_series(1, i) j)');
my $image = '(SELECT array_agg((i * j % 97 / 97.0)::real ORDER BY j) FROM generate_series(1, 784) j)';

=item predictions(MODEL, ...)

A query that gives one digest of the predictions of models of test/data for some inputs. Floats are printed
so that they read back exactly: another bit, another digest.

=cut

sub predictions
{
	return 'SELECT md5(concat_ws(E\'\n\', ' . join(', ', map {
			"(SELECT string_agg(predict('$_', " . ($input{$_} // $image) . ")::text, ',' ORDER BY i) FROM generate_series(1, 12) i)"
	} @_) . '))';
}

my $faults = q{
WITH maps AS (SELECT model_id, unnest(mosaic.map_blocks(map)) AS block_id FROM mosaic.tensor WHERE map IS NOT NULL),
users AS (SELECT block_id, count(*) AS models
  FROM (SELECT DISTINCT model_id, block_id FROM maps UNION ALL SELECT 0, base FROM mosaic.block_meta WHERE base IS NOT NULL) u GROUP BY 1)
SELECT concat_ws(', ',
  (SELECT 'counts: ' || nullif(count(*), 0) FROM mosaic.block_meta m FULL JOIN users u USING (block_id)
    WHERE m.models IS DISTINCT FROM u.models),
  (SELECT 'blocks without meta or meta without blocks: ' || nullif(count(*), 0)
     FROM mosaic.block b FULL JOIN mosaic.block_meta m USING (block_id)
    WHERE b.block_id IS NULL OR m.block_id IS NULL OR octet_length(b.data) <> coalesce(m.delta_bytes, mosaic.geometry_bytes(m.geometry) - 32)),
  (SELECT 'duplicates: ' || nullif(count(*) - count(DISTINCT (hash, geometry)), 0) FROM mosaic.block_meta),
  (SELECT 'near keys without block: ' || nullif(count(*), 0)
     FROM mosaic.near_key, unnest(entries) e LEFT JOIN mosaic.block ON block_id = e & x'ffffffff'::int8 WHERE data IS NULL),
  (SELECT 'tensors without model or models without tensors: ' || nullif(count(*), 0)
     FROM mosaic.model m FULL JOIN mosaic.tensor t USING (model_id) WHERE m.model_id IS NULL OR t.model_id IS NULL),
  (SELECT 'ids ahead of the sequence: ' || nullif(count(*), 0) FROM mosaic.block
    WHERE block_id > (SELECT last_value FROM mosaic.block_id_seq)))};

=item store_is_sound(NODE, DATABASE, NAME)

Tests that blocks, their counts, maps, models and sequences agree with each other.

=cut

sub store_is_sound
{
	my ($server, $db, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is($server->safe_psql($db, $faults), '', "$name: nothing half there, nothing miscounted");
}

=item pg_upgrade_ok(OLD, NEW, OPTION, ...)

Tests that the new server's pg_upgrade takes over the old one's data; both are stopped, the new one is fresh.

=cut

sub pg_upgrade_ok
{
	my ($old, $new, @options) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($old_bindir, $bindir) = map { $_->config_data('--bindir') } $old, $new;
	my $same = $old_bindir eq $bindir;
	if ($bindir =~ m{^/usr/(.*)/bin$} && $new->pg_version >= 18)
	{
		# pg_upgrade loads $libdir/pg_mosaic, which 18 does not look for elsewhere: a copy of the installation has it there.
		my ($version, $usr) = ($1, "$PostgreSQL::Test::Utils::tmp_check/usr");
		my $stage = $ENV{TEMP_CONFIG} ? slurp_file($ENV{TEMP_CONFIG}) : '';
		my ($module) = $stage =~ /^dynamic_library_path = '([^:']+)/m or die 'where is the module?';
		my $copy = qq{mkdir -p "$usr/$version" && cp -r "$bindir" "$usr/$version/" && cp -rs "/usr/$version/lib" "$usr/$version/" &&
			ln -s "$module/pg_mosaic.so" "$usr/$version/lib/" && ln -s /usr/share "$usr/share"};
		system($copy) == 0 or die 'cannot copy the installation';
		$bindir = "$usr/$version/bin";
	}
	chdir $PostgreSQL::Test::Utils::tmp_check;
	return command_ok([ "$bindir/pg_upgrade", '--no-sync', @options, '-d', $old->data_dir, '-D', $new->data_dir,
			'-b', $same ? $bindir : $old_bindir, '-B', $bindir, '-s', $new->host, '-p', $old->port, '-P', $new->port ], 'pg_upgrade');
}

# ---- statements in the background ----

=item start_statement(SESSION, SQL), finish_statement(SESSION)

Starts a statement in a background_psql session; waits for its end, and returns its output and its errors.

=cut

sub start_statement
{
	my ($session, $sql) = @_;
	$session->{stdout} = $session->{stderr} = '';
	$session->{stdin} .= "\\echo -- started\n$sql;\n\\echo -- finished\n\\warn -- finished\n";
	pump_until($session->{run}, $session->{timeout}, \$session->{stdout}, qr/^-- started\n/m)
	  or die "the session ended: $session->{stderr}";
	return;
}

sub finish_statement
{
	my ($session) = @_;
	my $end = qr/^-- finished\n/m;
	for my $stream (qw(stdout stderr))
	{
		pump_until($session->{run}, $session->{timeout}, \$session->{$stream}, $end)
		  or die "the session ended: $session->{stderr}";
	}
	my ($out, $err) = map { s/^-- (started|finished)\n//mgr } @{$session}{qw(stdout stderr)};
	$session->{stdout} = $session->{stderr} = '';
	return ($out, $err);
}

=item run_sessions(NODE, SCRIPT, ...)

Runs each script in a session of its own, all at the same time; returns what they printed, one after another, and
their errors.

=cut

sub run_sessions
{
	my ($server, @scripts) = @_;
	my (@runs, @out, @err);
	for my $n (0 .. $#scripts)
	{
		($out[$n], $err[$n]) = ('', '');
		push @runs, IPC::Run::start([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $server->connstr('postgres') ],
			'<', \$scripts[$n], '>', \$out[$n], '2>', \$err[$n]);
	}
	$_->finish for @runs;
	return (join('', @out), join('', @err));
}

sub backend_of { my ($session) = @_; return $session->query_safe('SELECT pg_backend_pid()'); }

=item poll_ok(NODE, QUERY, NAME)

Tests that the query returns t, within half a minute, asked every 5 ms.

=cut

sub poll_ok
{
	my ($server, $query, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $ok = $server->safe_psql('postgres', "
DO \$do\$
BEGIN
  FOR i IN 1..6000 LOOP
    PERFORM pg_stat_clear_snapshot();
    IF ($query) THEN PERFORM set_config('mosaic_test.poll', 't', false); EXIT; END IF;
    PERFORM pg_sleep(0.005);
  END LOOP;
END \$do\$;
SELECT current_setting('mosaic_test.poll', true)");
	return is($ok, 't', $name);
}

=item memory_of(PID)

Bytes of a backend's private memory: anonymous, and file pages mapped in (code, and files if any).

=cut

sub memory_of
{
	my ($pid) = @_;
	open my $file, '<', "/proc/$pid/status" or die "/proc/$pid/status: $!";
	my $status = do { local $/; <$file> };
	my ($anon, $mapped) = map { $status =~ /^$_:\s+(\d+) kB/m ? $1 * 1024 : die "no $_ in $status" } qw(RssAnon RssFile);
	return ($anon, $mapped);
}

sub mb { my ($bytes) = @_; return sprintf '%.1f MB', $bytes / 1e6; }

1;
