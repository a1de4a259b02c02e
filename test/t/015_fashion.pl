# All 10,000 test images of Fashion-MNIST: SQL predicts the class that PyTorch predicts, image by image.
use strict;
use warnings;
use File::Basename qw(dirname);
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $data = $ENV{MOSAIC_TEST_DATA} // die 'MOSAIC_TEST_DATA is not set';
my $tools = dirname(__FILE__) . '/../../tools';
my $images = "$PostgreSQL::Test::Utils::tmp_check/images.txt";
system("python3 '$tools/fashion_mnist.py' > '$images'") == 0
  or die 'tools/fashion_mnist.py failed; is the package dataset-fashion-mnist installed?';

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', qq{
CREATE EXTENSION pg_mosaic;
CREATE TABLE fashion (id int PRIMARY KEY, label int NOT NULL, pixels real[] NOT NULL);
COPY fashion FROM '$images';
});
is($node->safe_psql('postgres', 'SELECT count(*) FROM fashion'), '10000', 'images loaded');

my $accuracy = decode_json(slurp_file("$data/expected/fashion_accuracy.json"));
for my $model (sort keys %$accuracy)
{
	my $expected = slurp_file("$data/expected/$model.classes");
	$expected =~ s/\s//g;
	$node->safe_psql('postgres', "SELECT import_model('$model', '$data/models/$model.onnx')");
	my $classes = $node->safe_psql('postgres',
		"SELECT string_agg(predict_class('$model', pixels)::text, '' ORDER BY id) FROM fashion");
	my $differ = () = ($classes ^ $expected) =~ /[^\0]/g;
	is(length $classes, length $expected, "$model: every image has a class");
	is($differ, 0, "$model: every class is PyTorch's");
	is( $node->safe_psql(
			'postgres', "SELECT count(*) FROM fashion WHERE predict_class('$model', pixels) = label"),
		$accuracy->{$model}{correct},
		"$model: as many right as PyTorch");
}
$node->stop;
done_testing();
