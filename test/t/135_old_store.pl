# Stores that releases made (test/data/stores), under this version's module: their data folder and their dump, updated and restored.
use strict;
use warnings;
use File::Path;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use MosaicTest;

my $stores = "$ENV{MOSAIC_TEST_DATA}/stores";
my $recorded_by = 15;    # the PostgreSQL whose data folders they are
$ENV{PGUSER} = 'postgres';

sub contents
{
	my ($server, $db) = @_;
	return $server->safe_psql($db, scalar slurp_file("$stores/contents.sql"));
}

# Whether two lines are the same but for the last digits of numbers: another processor, other kernels.
sub close_to
{
	my ($x, $y) = map { [ split /[^-+.e0-9]+/ ] } @_;
	return @$x == @$y && !grep { $y->[$_] =~ /\d/ && abs($x->[$_] - $y->[$_]) > 1e-4 * (1 + abs $y->[$_]) } 0 .. $#$y;
}

# The same files, imported by this version: what it must predict, to the bit.
sub anew
{
	my ($server) = @_;
	$server->safe_psql('postgres', 'CREATE DATABASE anew');
	$server->safe_psql('anew', q{
		CREATE EXTENSION pg_mosaic;
		SELECT import_model('iris', f || '/iris.onnx'), import_model('teams', f || '/iris_opset9.onnx'), import_model('alices', f || '/iris_float16.onnx'),
		       import_model('text_classifier', f || '/text_classifier.onnx'), import_model('two_inputs', f || '/two_inputs.onnx'),
		       import_model('encoder_opset17', f || '/encoder_opset17.onnx'), import_model('encoder_half', f || '/encoder_opset17.onnx', dtype => 'bf16')
		  FROM current_setting('mosaic_test.data') d, concat(d, '/models') f});
	my %line = map { /^((?:predict\|\w+\|\d+)\|.*)/ ? ($1 => 1) : () } split /\n/, contents($server, 'anew');
	return \%line;
}

sub same_contents
{
	my ($server, $db, $recorded, $anew, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my @lines = split /\n/, contents($server, $db);
	my @expected = split /\n/, $recorded;
	is(scalar @lines, scalar @expected, "$name: as many lines as recorded");
	is(join("\n", map { "$lines[$_] was $expected[$_]" } grep { $expected[$_] =~ /^predict/ ? !close_to($lines[$_], $expected[$_]) : $lines[$_] ne $expected[$_] } 0 .. $#expected),
		'', "$name: predictions, blocks, models, decisions and grants as recorded");
	my %found = map { $_ => 1 } @lines;
	is(join("\n", grep { !$found{$_} } sort keys %$anew), '', "$name: bit by bit what models imported anew predict");
	return;
}

# Works on: whole, writable, with the grants that it had, and dumped with them
sub store_works
{
	my ($server, $db, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($server->safe_psql($db, q{SELECT string_agg(c::text, E'\n') FROM check_store() c}), '', "$name: nothing is damaged");
	store_is_sound($server, $db, $name);
	is($server->safe_psql($db, q{SET ROLE bob; SELECT predict_class('alices', 1, 2, 3, 4) IS NOT NULL}), 't', "$name: bob may predict");
	my (undef, undef, $err) = $server->psql($db, q{SET ROLE bob; SELECT predict_class('teams', 1, 2, 3, 4)});
	like($err, qr/permission denied for model "teams"/, "$name: but not with all");
	is($server->safe_psql($db, "SET ROLE alice; SELECT blocks = blocks_shared AND blocks > 0 FROM import_model('again', '" . data('iris_opset9') . "', domain => 'team')"),
		't', "$name: alice may import, and known blocks are found");
	is($server->safe_psql($db, "SELECT new_bytes FROM import_model('text2', '" . data('text_classifier') . "')"), '0', "$name: likewise those of the superuser");
	my $model = slurp_file(data('text_classifier'), 0);
	substr($model, 1002 + 4 * $_, 1) = "\0" for 0 .. 1000;    # the last bits of some weights
	is($server->safe_psql($db, "SELECT merged > 0 FROM import_model('near', decode('" . unpack('H*', $model) . "', 'hex'), dedup => 'near', max_weight_error => 0.01)"),
		't', "$name: near duplicates are found");
	$server->safe_psql($db, "SELECT drop_model(n) FROM unnest(ARRAY['again', 'text2', 'near']) n; SELECT pack_models(); SELECT repair_store()");
	is($server->safe_psql($db, 'SELECT count(*) FROM check_store()'), '0', "$name: packed and repaired");
	my ($dump, $errors) = run_command([ 'pg_dump', '-d', $server->connstr($db) ]);
	my $grants = () = $dump =~ /^GRANT ALL ON FUNCTION public\.import_model.* TO alice;$/mg;
	is("$grants, $errors", '3, ', "$name: pg_dump has what the administrator granted");
	return;
}

sub restored
{
	my ($server, $db, $store) = @_;
	my $err = '';
	IPC::Run::run([ 'sh', '-c', 'xz -dc "$1" | psql -X -q -v ON_ERROR_STOP=1 -d "$2"', 'sh', "$store/dump.sql.xz", $server->connstr($db) ], '>', \my $out, '2>', \$err);
	is($err, '', "$db: psql restores the dump");
	return;
}

my $major = (run_command([ 'postgres', '--version' ]))[0] =~ /(\d+)/ ? $1 : die 'which PostgreSQL?';
my @stores = sort grep { -d } glob "$stores/*";
ok(scalar @stores, 'there are stores');
for my $store (@stores)
{
	my ($version) = $store =~ m{([^/]+)$};
	my $recorded = slurp_file("$store/recorded");
	my $extension = q{SELECT extversion FROM pg_extension WHERE extname = 'pg_mosaic'};

	# The dump, into this version at once, and into the release before an update
	my $node = PostgreSQL::Test::Cluster->new("dump_$version");
	$node->init(extra => [ '-U', 'postgres' ]);
	$node->start;
	$node->safe_psql('postgres', 'CREATE ROLE alice; CREATE ROLE bob; GRANT pg_read_server_files TO alice; CREATE DATABASE direct; CREATE DATABASE updated');
	my $anew = anew($node);
	cmp_ok(scalar keys %$anew, '>', 80, "$version: predictions of models imported anew");
	restored($node, 'direct', $store);
	is($node->safe_psql('direct', $extension), $node->safe_psql('anew', $extension), "$version, restored: of this version");
	same_contents($node, 'direct', $recorded, $anew, "$version, restored");
	store_works($node, 'direct', "$version, restored");
	$node->safe_psql('updated', "CREATE EXTENSION pg_mosaic VERSION '$version'");
	restored($node, 'updated', $store);
	$node->safe_psql('updated', 'ALTER EXTENSION pg_mosaic UPDATE');
	same_contents($node, 'updated', $recorded, $anew, "$version, restored and updated");
	store_works($node, 'updated', "$version, restored and updated");
	$node->stop;

	# The data folder
  SKIP:
	{
		skip "the data folder is one of PostgreSQL $recorded_by", 1 if $major != $recorded_by;
		my $old = PostgreSQL::Test::Cluster->new("data_$version");
		$old->init;
		my $data = $old->data_dir;
		rmtree([ grep { !/\.conf$/ } glob "$data/*" ]);
		is(system_log('tar', '-C', $data, '-xJf', "$store/data.tar.xz"), 0, "$version: the data folder");
		$old->start;
		my (undef, undef, $err) = $old->psql('postgres', q{SELECT predict_class('iris', 1, 2, 3, 4)});
		like($err, qr/built for other catalogs.*ALTER EXTENSION pg_mosaic UPDATE/s, "$version: the module waits for the update");
		$old->safe_psql('postgres', 'ALTER EXTENSION pg_mosaic UPDATE');
		same_contents($old, 'postgres', $recorded, $anew, "$version, updated");
		store_works($old, 'postgres', "$version, updated");
		$old->stop;
	}
}
done_testing();
