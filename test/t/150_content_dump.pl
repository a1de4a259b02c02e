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

# A table whose rows get their class from a trigger; in a database where it is the only one that predicts.
sub add_trigger
{
	my ($db, $schema, $id) = @_;
	$node->safe_psql($db, qq{
CREATE TABLE $schema.written (x real[], class int);
CREATE FUNCTION $schema.classify() RETURNS trigger LANGUAGE plpgsql AS \$\$
BEGIN NEW.class := public.predict_class('$id'::uuid, NEW.x); RETURN NEW; END \$\$;
CREATE TRIGGER classify BEFORE INSERT OR UPDATE OF x ON $schema.written FOR EACH ROW EXECUTE FUNCTION $schema.classify();
INSERT INTO $schema.written SELECT ARRAY[i % 7, i % 5, i % 3, i % 2] FROM generate_series(1, 500) i;
-- restored as it is: the trigger does not run for it
ALTER TABLE $schema.written DISABLE TRIGGER classify;
INSERT INTO $schema.written VALUES ('{1,2,3,4}', -1);
ALTER TABLE $schema.written ENABLE TRIGGER classify;
});
	return;
}

# What the trigger has written, before a dump or after it, and what it writes now.
sub written
{
	my ($db, $schema) = @_;
	return $node->safe_psql($db, qq{BEGIN;
SELECT count(*), count(*) FILTER (WHERE class = -1), count(*) FILTER (WHERE class = predict_class('iris', x)), md5(string_agg(t::text, ',' ORDER BY t::text)) FROM $schema.written t;
WITH w AS (INSERT INTO $schema.written SELECT x FROM $schema.written RETURNING x, class) SELECT count(*), md5(string_agg(w::text, ',' ORDER BY w::text)) FROM w; ROLLBACK});
}

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
	add_trigger($db, $schema, $id);
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

# A trigger needs no order: it is restored behind all rows, and does not run for them.
like(written('one', 'public'), qr/^501\|1\|500\|\w+\n501\|/, 'a trigger that predicts by content');
is(written('new_one', 'public'), written('one', 'public'), 'writes the same after a restore, where it comes after the models');
$node->safe_psql('two', 'DROP TABLE app.flower');
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dump.trigger", $node->connstr('two') ], 'dumped, with the trigger alone');
$node->safe_psql('postgres', 'CREATE DATABASE new_four; CREATE DATABASE new_five');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('new_four'), "$dump.trigger" ], 'a table that comes before the models is restored');
is(written('new_four', 'app'), written('two', 'app'), 'and its trigger writes the same');
# Rows alone, into tables that have the trigger
my @rows = ('-d', $node->connstr('new_five'), '--section=data', "$dump.trigger");
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('new_five'), '--section=pre-data', '--section=post-data', "$dump.trigger" ], 'tables and triggers first');
$node->command_fails_like([ 'pg_restore', '--exit-on-error', '-n', 'app', @rows ], qr/there is no model with content $id/, 'rows behind them meet the trigger');
$node->command_ok([ 'pg_restore', '--exit-on-error', '--disable-triggers', @rows ], 'with --disable-triggers they do not');
is(written('new_five', 'app'), written('two', 'app'), 'and all is as it was');
store_is_sound($node, $_, "$_, with a trigger") for 'new_four', 'new_five';

done_testing();
