# What stores predictions of a content, dumped and restored: which order is needed, and that answers are the same.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use MosaicTest;

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\n");
$node->start;
my $dump = "$PostgreSQL::Test::Utils::tmp_check/content.dump";

# Data are dumped in the order of schemas and tables: "app" comes before the models' "mosaic", "public" after it.
sub source
{
	my ($db, $schema) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$node->safe_psql($db, 'CREATE EXTENSION pg_mosaic;' . "SELECT import_model('iris', '" . data('iris') . "');" . "CREATE SCHEMA IF NOT EXISTS $schema");
	my $id = $node->safe_psql($db, "SELECT content_id('iris')");
	$node->safe_psql($db, qq{
CREATE TABLE $schema.flower (x real[], class int GENERATED ALWAYS AS (public.predict_class('$id'::uuid, x)) STORED);
INSERT INTO $schema.flower SELECT ARRAY[i % 7, i % 5, i % 3, i % 2] FROM generate_series(1, 500) i;
CREATE INDEX ON $schema.flower (public.predict_class('$id'::uuid, x));
});
	$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dump.$db", $node->connstr($db) ], "$db: dumped");
	return $id;
}

sub answers
{
	my ($db, $schema) = @_;
	return $node->safe_psql($db, "SELECT count(*), sum(class), count(*) FILTER (WHERE class = predict_class('iris', x)) FROM $schema.flower");
}

my $id = source('one', 'public');
is(source('two', 'app'), $id, 'the id is the same in both databases');

$node->safe_psql('postgres', "CREATE DATABASE new_$_") for qw(one two three);
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('new_one'), "$dump.one" ], 'a table that comes after the models is restored');
is(answers('new_one', 'public'), answers('one', 'public'), 'with the same answers');
is($node->safe_psql('new_one', "SELECT content_id('iris')"), $id, 'and the same id');

$node->command_fails_like([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('new_two'), "$dump.two" ],
	qr/there is no model with content $id/, 'one that comes before them is an error, no other answer');
my @to = ('-d', $node->connstr('new_three'), "$dump.two");
$node->command_ok([ 'pg_restore', '--exit-on-error', '--section=pre-data', @to ], 'in order: what there is,');
$node->command_ok([ 'pg_restore', '--exit-on-error', '--section=data', '-n', 'mosaic', @to ], 'the models,');
$node->command_ok([ 'pg_restore', '--exit-on-error', '--section=data', '-N', 'mosaic', @to ], 'all other data,');
$node->command_ok([ 'pg_restore', '--exit-on-error', '--section=post-data', @to ], 'indexes');
is(answers('new_three', 'app'), answers('two', 'app'), 'with the same answers');
store_is_sound($node, 'new_three', 'restored in order');

done_testing();
