# Dump and restore, rewritten tables and other databases: the same models predict the same bits.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use File::Basename qw(dirname);
use MosaicTest;

my @models = qw(fashion_base fashion_dark fashion_noise iris text_classifier encoder_opset17);
my $digest = predictions(@models);
my $texts = dirname(dirname(data('iris'))) . '/text';
my $dump = "$PostgreSQL::Test::Utils::tmp_check/dump";

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\n");
$node->start;
$node->safe_psql('postgres', 'CREATE ROLE alice; CREATE ROLE bob; CREATE ROLE "Eve Ä"; CREATE ROLE mallory; CREATE DATABASE source');
$node->safe_psql('source',
	'CREATE EXTENSION pg_mosaic; GRANT pg_read_server_files TO alice;'
	  . 'GRANT EXECUTE ON FUNCTION import_model(text, text, bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text), grant_model(text, regrole), rename_model(text, text) TO alice;'
	  . 'SELECT init_store(31);' . import_sql(@models)
	  . 'SET ROLE alice;' . "SELECT import_model('alices', '" . data('iris') . "');"
	  . q{SELECT grant_model('alices', 'bob'); SELECT grant_model('alices', '"Eve Ä"'); RESET ROLE;}
	  # ids with gaps, blocks out of order
	  . "SELECT import_model('gone', '" . data('fashion_shoes') . "'); SELECT drop_model('gone'); VACUUM mosaic.block;"
	  . "SELECT import_model('last', '" . data('two_inputs') . "');"
	  # two models with one tokenizer; deduplication gives one of them a new identity
	  . "SELECT set_tokenizer(m, '$texts/wordpiece.json') FROM unnest('{text_classifier,fashion_noise}'::text[]) m;"
	  # decisions on near duplicates: with bounded weights, then measured
	  . "SELECT dedup_model('fashion_noise', max_weight_error => 0.02);"
	  . "SELECT dedup_model('fashion_noise', 'SELECT array_agg(0.5::real) FROM generate_series(1, 784)', 'agreement', 1, reuse => false);");
my $expected = $node->safe_psql('source', $digest);
my $catalog = q{SELECT string_agg(concat_ws('|', model_id, name, owner, readers, parameters, weight_bytes, md5(graph), description), E'\n' ORDER BY model_id) FROM mosaic.model};
my $blocks = q{SELECT md5(string_agg(block_id || md5(data), ',' ORDER BY block_id)) || (SELECT block_height FROM mosaic.storage) FROM mosaic.block};
my $log = q{SELECT md5(string_agg(l::text, ',' ORDER BY l::text)), count(*) > 0, (SELECT md5(string_agg(r::text, ',')) FROM mosaic.dedup_run r) FROM mosaic.dedup_log l};
my $tokens = q{SELECT tokenize('text_classifier', 'The models of a store'), tokenize('fashion_noise', 'are stored as blocks'), (SELECT count(*) FROM mosaic.tokenizer)};
my %source = map { $_ => $node->safe_psql('source', $_) } $catalog, $blocks, $log, $tokens;
like($source{$tokens}, qr/^\{[0-9,]+\}\|\{[0-9,]+\}\|1$/, 'models have a tokenizer');
like($source{$log}, qr/\|t\|/, 'there are decisions on near duplicates');

sub restored
{
	my ($server, $db, $name) = @_;
	is($server->safe_psql($db, $digest), $expected, "$name: predictions bit-identical");
	is($server->safe_psql($db, $_), $source{$_}, "$name: same " . ($_ eq $catalog ? 'models' : $_ eq $log ? 'decisions' : $_ eq $tokens ? 'tokens' : 'blocks')) for $catalog, $blocks, $log, $tokens;
	store_is_sound($server, $db, $name);
	# the model's readers and owner are who they were
	my %may = (alice => 't', bob => 't', '"Eve Ä"' => 't', mallory => 'f');
	for my $role (sort keys %may)
	{
		my ($rc, $out, $err) = $server->psql($db, qq{SET ROLE $role; SELECT predict_class('alices', 5.1, 3.5, 1.4, 0.2) IS NOT NULL});
		is($rc == 0 ? 't' : $err =~ /permission denied for model "alices"/ ? 'f' : $err, $may{$role}, "$name: $role may predict: $may{$role}");
	}
	$server->safe_psql($db, q{SET ROLE alice; SELECT rename_model('alices', 'x'); SELECT rename_model('x', 'alices')});
	# sequences go on: no id is used twice, and equal blocks are found
	my ($last_model, $last_block) = split /\|/,
	  $server->safe_psql($db, 'SELECT max(model_id), (SELECT max(block_id) FROM mosaic.block) FROM mosaic.model');
	is($server->safe_psql($db, "SELECT blocks = blocks_shared FROM import_model('again', '" . data('fashion_base') . "')"),
		't', "$name: a known model shares all its blocks");
	is($server->safe_psql($db, "SELECT blocks > blocks_shared FROM import_model('new', '" . data('fashion_shoes') . "')"),
		't', "$name: a new one adds some");
	is( $server->safe_psql($db, qq{SELECT (SELECT bool_and(model_id > $last_model) FROM mosaic.model WHERE name IN ('again', 'new')),
			(SELECT count(*) > 0 FROM mosaic.block WHERE block_id > $last_block)}), 't|t', "$name: new ids");
	$server->safe_psql($db, "SELECT set_tokenizer('new', '$texts/vocab.txt')");
	is($server->safe_psql($db, 'SELECT count(DISTINCT tokenizer) FROM mosaic.model'), '2', "$name: another tokenizer has another id");
	store_is_sound($server, $db, "$name, after an import");
	$server->safe_psql($db, q{SELECT drop_model('again'); SELECT drop_model('new')});
	is($server->safe_psql($db, $digest), $expected, "$name: and the others stay as they are");
	return;
}

# Into another database, and into another cluster
my $other = PostgreSQL::Test::Cluster->new('other');
$other->init;
$other->start;
$other->safe_psql('postgres', 'CREATE ROLE mallory; CREATE ROLE "Eve Ä"; CREATE ROLE alice; CREATE ROLE bob');    # other OIDs
$node->safe_psql('postgres', 'CREATE DATABASE plain; CREATE DATABASE custom');
$other->safe_psql('postgres', 'CREATE DATABASE plain; CREATE DATABASE custom');
$node->command_ok([ 'pg_dump', '-d', $node->connstr('source'), '-f', "$dump.sql" ], 'pg_dump, plain');
$node->command_ok([ 'pg_dump', '-Fc', '-d', $node->connstr('source'), '-f', "$dump.custom" ], 'pg_dump, custom');
for my $server ($node, $other)
{
	my $to = $server->name;
	$server->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $server->connstr('plain'), '-f', "$dump.sql" ], "psql restores it, $to");
	restored($server, 'plain', "plain dump, $to");
	$server->command_ok([ 'pg_restore', '-j2', '-d', $server->connstr('custom'), "$dump.custom" ], "pg_restore -j2, $to");
	restored($server, 'custom', "custom dump, $to");
}
# what was restored can be dumped again
$other->command_ok([ 'pg_dump', '-Fc', '-d', $other->connstr('custom'), '-f', "$dump.again" ], 'pg_dump of what was restored');
$other->safe_psql('postgres', 'CREATE DATABASE again');
$other->command_ok([ 'pg_restore', '-d', $other->connstr('again'), "$dump.again" ], 'and pg_restore');
is($other->safe_psql('again', $digest), $expected, 'dumped and restored twice: predictions bit-identical');
$other->stop;
$other->clean_node;
unlink glob "$dump*";

# Rewritten tables, with plans in a session that remember where blocks lay; after each, what lies where is another
my $cached = $node->background_psql('source', on_error_stop => 0);
is($cached->query_safe($digest), $expected, 'a session with plans');
my $places = q{SELECT md5(string_agg(ctid::text, ',' ORDER BY block_id)) FROM mosaic.block};
my @tables = split /\n/, $node->safe_psql('source',
	q{SELECT oid::regclass FROM pg_class WHERE relnamespace = 'mosaic'::regnamespace AND relkind = 'r' ORDER BY 1});
cmp_ok(scalar @tables, '>=', 5, 'tables of the extension');
my $lay = $node->safe_psql('source', $places);
for my $step (
	[ 'another order' => 'CREATE INDEX by_size ON mosaic.block_meta (geometry); CLUSTER mosaic.block_meta USING by_size; DROP INDEX mosaic.by_size' ],
	[ 'VACUUM FULL of the blocks' => "SELECT drop_model('fashion_dark')", 'VACUUM FULL mosaic.block',
		"SELECT import_model('fashion_dark', '" . data('fashion_dark') . "')" ],
	[ 'CLUSTER of the blocks' => 'CLUSTER mosaic.block USING block_pkey' ],
	[ 'VACUUM FULL of all' => map { "VACUUM FULL $_" } @tables ],
	[ 'REINDEX of all' => map { "REINDEX TABLE $_" } @tables ],
	[ 'REINDEX CONCURRENTLY' => map { "REINDEX TABLE CONCURRENTLY $_" } @tables ],
	[ 'VACUUM FREEZE, ANALYZE' => 'VACUUM (FREEZE, ANALYZE)' ])
{
	my ($name, @statements) = @$step;
	$node->safe_psql('source', $_) for @statements;
	is($cached->query_safe($digest), $expected, "$name: session with plans, bit-identical");
	is($node->safe_psql('source', $digest), $expected, "$name: new session");
	store_is_sound($node, 'source', $name);
}
isnt($node->safe_psql('source', $places), $lay, 'the blocks did move');

# Two databases with models of the same names
$node->safe_psql('postgres', 'CREATE DATABASE two');
$node->safe_psql('two', "CREATE EXTENSION pg_mosaic; SELECT import_model('iris', '" . data('iris_float16') . "')");
my $iris = predictions('iris');
my $two = $node->safe_psql('two', $iris);
my $one = $node->safe_psql('source', $iris);
isnt($two, $one, 'the same name, another model');
$node->safe_psql('source', q{SELECT drop_model('iris')});
is($node->safe_psql('two', $iris), $two, 'a drop in one database is none in the other');

# The extension dropped and created anew, under a session with plans: ids begin at 1 again
my $session = $node->background_psql('two', on_error_stop => 0);
is($session->query_safe($iris), $two, 'session with plans');
$node->safe_psql('two', 'DROP EXTENSION pg_mosaic CASCADE');
$session->query($iris);
like($session->{stderr}, qr/function predict\(unknown, real\[\]\) does not exist/, 'without the extension');
$session->{stderr} = '';
$node->safe_psql('two', "CREATE EXTENSION pg_mosaic; SELECT import_model('iris', '" . data('iris') . "')");
is($session->query_safe($iris), $one, 'created anew: the new model, though its id is that of the old');
$session->query_safe("BEGIN; DROP EXTENSION pg_mosaic CASCADE; CREATE EXTENSION pg_mosaic; SELECT import_model('iris', '" . data('iris_float16') . "')");
is($session->query_safe($iris), $two, 'created anew within a transaction');
$session->query_safe('ROLLBACK');
is($session->query_safe($iris), $one, 'which is rolled back');
is($cached->query_safe(predictions('fashion_base', 'fashion_noise')), $node->safe_psql('source', predictions('fashion_base', 'fashion_noise')),
	'the other database notices nothing');
$session->quit;
$cached->quit;
$node->stop;
done_testing();
