# External data: links are followed where they lead to the model's own folder, or to the blobs of Hugging Face's cache,
# and refused where they lead elsewhere, whichever part of the path is the link and however it changes meanwhile.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Copy qw(copy);
use File::Path qw(make_path remove_tree);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use MosaicTest;

my $root = abs_path($PostgreSQL::Test::Utils::tmp_check) . '/files';
my $model = data('iris_external');
(my $weights = $model) =~ s/onnx$/bin/;

# The same model, whose data are in a folder: a location of as many bytes.
sub write_nested
{
	my ($path) = @_;
	open my $in, '<:raw', $model or die "$model: $!";
	my $bytes = do { local $/; <$in> };
	ok($bytes =~ s/iris_external\.bin/dirlink\/irise.bin/g, 'a model with data in a folder');
	open my $out, '>:raw', $path or die "$path: $!";
	print $out $bytes;
	close $out or die "$path: $!";
	return;
}

sub place { my ($from, $to) = @_; copy($from, "$root/$to") or die "$to: $!"; return; }
sub link_to { my ($target, $name) = @_; symlink $target, "$root/$name" or die "$name: $!"; return; }

remove_tree($root);
make_path(map { "$root/$_" } qw(plain/dirlink outside linked inside hf/blobs hf/snapshots/abc/onnx hf/snapshots/mixed hf/other race away));
write_nested("$root/nested.onnx");
# Other weights, by which it shows which file was read.
{
	open my $in, '<:raw', $weights or die "$weights: $!";
	my $bytes = do { local $/; <$in> };
	open my $out, '>:raw', "$root/outside/irise.bin" or die $!;
	print $out scalar reverse $bytes;
	close $out or die $!;
}
place("$root/outside/irise.bin", 'outside/iris_external.bin');

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init;
$node->start;
$node->safe_psql('postgres', "CREATE EXTENSION pg_mosaic; SELECT import_model('expected', '$model')");
my $expected = $node->safe_psql('postgres', q{SELECT predict('expected', 5.1, 3.5, 1.4, 0.2)});

sub accepted
{
	my ($path, $name) = @_;
	is($node->safe_psql('postgres', "SELECT model FROM import_model('m', '$root/$path', true)"), 'm', "$name: imported");
	is($node->safe_psql('postgres', q{SELECT predict('m', 5.1, 3.5, 1.4, 0.2)}), $expected, "$name: with its own weights");
	$node->safe_psql('postgres', q{SELECT drop_model('m')});
	return;
}

sub refused
{
	my ($path, $name) = @_;
	my ($rc, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT import_model('m', '$root/$path', true)");
	like($err, qr/ERROR:  42501: external data file ".*" is not in the folder of its model/, "$name: refused");
	like($err, qr/Symbolic links lead to ".*".*HINT:.*cp -L/s, "$name: and said where it leads, and what to do");
	is($node->safe_psql('postgres', q{SELECT count(*) FROM mosaic.models WHERE name = 'm'}), '0', "$name: nothing is there");
	return;
}

place($model, 'plain/iris_external.onnx');
place($weights, 'plain/iris_external.bin');
place("$root/nested.onnx", 'plain/nested.onnx');
place($weights, 'plain/dirlink/irise.bin');
accepted('plain/iris_external.onnx', 'plain files');
accepted('plain/nested.onnx', 'data in a folder of the model\'s');

# The folder is a link, the model is, both are
link_to('plain', 'folder');
accepted('folder/iris_external.onnx', 'the folder is a link');
link_to('../plain/iris_external.onnx', 'linked/iris_external.onnx');
link_to('../plain/iris_external.bin', 'linked/iris_external.bin');
accepted('linked/iris_external.onnx', 'model and data are links into one folder');

# Within the folder
place("$root/nested.onnx", 'inside/nested.onnx');
make_path("$root/inside/real");
place($weights, 'inside/real/irise.bin');
link_to('real', 'inside/dirlink');
accepted('inside/nested.onnx', 'a link within the folder');

# Hugging Face's cache
place($model, 'hf/blobs/1a');
place($weights, 'hf/blobs/2b');
link_to('../../blobs/1a', 'hf/snapshots/abc/iris_external.onnx');
link_to('../../blobs/2b', 'hf/snapshots/abc/iris_external.bin');
accepted('hf/snapshots/abc/iris_external.onnx', 'Hugging Face');
link_to('../../../blobs/1a', 'hf/snapshots/abc/onnx/iris_external.onnx');
link_to('../../../blobs/2b', 'hf/snapshots/abc/onnx/iris_external.bin');
accepted('hf/snapshots/abc/onnx/iris_external.onnx', 'Hugging Face, a folder of it');
place($model, 'hf/snapshots/mixed/iris_external.onnx');
link_to('../../blobs/2b', 'hf/snapshots/mixed/iris_external.bin');
accepted('hf/snapshots/mixed/iris_external.onnx', 'Hugging Face, a copy of the model');
unlink "$root/hf/snapshots/mixed/iris_external.bin";
place($weights, 'hf/other/2b');
link_to('../../other/2b', 'hf/snapshots/mixed/iris_external.bin');
refused('hf/snapshots/mixed/iris_external.onnx', 'Hugging Face, not the blobs');

# Elsewhere
for my $case ([ 'file', 'iris_external.onnx', '../outside/iris_external.bin', 'iris_external.bin' ],
	[ 'folder', 'nested.onnx', '../outside', 'dirlink' ],
	[ 'absolute', 'iris_external.onnx', "$root/outside/iris_external.bin", 'iris_external.bin' ],
	[ 'twice', 'iris_external.onnx', '../away/hop', 'iris_external.bin' ])
{
	my ($name, $file, $target, $link) = @$case;
	make_path("$root/to_$name");
	place($file eq 'nested.onnx' ? "$root/nested.onnx" : $model, "to_$name/$file");
	link_to($target, "to_$name/$link");
	link_to('../outside/iris_external.bin', 'away/hop') if $name eq 'twice';
	refused("to_$name/$file", "elsewhere, $name");
}
# a name that begins like the folder's
make_path("$root/to_file2");
place($model, 'to_file2/iris_external.onnx');
make_path("$root/to_file22");
place($weights, 'to_file22/iris_external.bin');
link_to('../to_file22/iris_external.bin', 'to_file2/iris_external.bin');
refused('to_file2/iris_external.onnx', 'elsewhere, a longer name');

# While the link changes
place("$root/nested.onnx", 'race/nested.onnx');
make_path("$root/race/real");
place($weights, 'race/real/irise.bin');
my $racer = fork // die "fork: $!";
if ($racer == 0)
{
	for (my $n = 0;; $n++)
	{
		symlink $n % 2 ? 'real' : '../outside', "$root/race/next";
		rename "$root/race/next", "$root/race/dirlink";
	}
}
my %outcomes;
my $session = $node->background_psql('postgres', on_error_stop => 0);
$session->query_safe(q{CREATE TABLE outcomes (outcome text)});
$session->query_safe(qq{
DO \$\$
DECLARE seen text;
BEGIN
  FOR i IN 1 .. 300 LOOP
    BEGIN
      PERFORM import_model('m', '$root/race/nested.onnx', true);
      seen := CASE WHEN predict('m', 5.1, 3.5, 1.4, 0.2)::text = '$expected' THEN 'own' ELSE 'others' END;
    EXCEPTION WHEN insufficient_privilege THEN seen := 'refused';
    WHEN undefined_file THEN seen := 'absent';
    END;
    INSERT INTO outcomes VALUES (seen);
  END LOOP;
END \$\$});
$session->quit;
kill 'KILL', $racer;
waitpid $racer, 0;
my %seen = map { split /\|/ } split /\n/, $node->safe_psql('postgres', 'SELECT outcome, count(*) FROM outcomes GROUP BY 1');
is($seen{others} // 0, 0, 'however the link changes, what lies elsewhere is not read');
cmp_ok($seen{own} // 0, '>', 0, 'a race: sometimes the link led inside');
cmp_ok($seen{refused} // 0, '>', 0, 'a race: sometimes it led elsewhere');
$node->stop;
remove_tree($root);
done_testing();
