# From each older PostgreSQL that is here to the next, up to this one, by pg_upgrade; from the oldest to this one by dump and restore:
# the same bits, blocks, models, versions, aliases, owners, readers and grants, and a store that works on.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use File::Basename qw(dirname);
use MosaicTest;

$ENV{PGUSER} = 'postgres';    # of the dump of a release
my ($texts, $stores) = map { "$ENV{MOSAIC_TEST_DATA}/$_" } qw(text stores);
my $dump = "$PostgreSQL::Test::Utils::tmp_check/dump";
my @tuned = map { fine_tune($_) } 1 .. 3;

# new_server(NAME, FOLDER, SETTINGS): of an older PostgreSQL; with a name only, of this one.
sub new_server
{
	my ($name, $bindir, $conf) = @_;
	my $node = PostgreSQL::Test::Cluster->new("postgresql_$name", $bindir ? (install_path => dirname($bindir)) : ());
	local $ENV{TEMP_CONFIG} = $conf // $ENV{TEMP_CONFIG};
	$node->init(extra => [ '-U', 'postgres' ]);
	return $node;
}

# ---- a store with all that a store can have ----

my $make_store = q{
CREATE EXTENSION pg_mosaic;
SELECT mosaic.grant_import('alice');
CREATE TABLE picture AS SELECT i, (SELECT array_agg((abs(hashint4(i * 1000 + j)) % 1000 / 1000.0)::real ORDER BY j) FROM generate_series(1, 784) j) AS x FROM generate_series(1, 30) i;
} . import_sql(qw(fashion_base encoder_opset17 two_inputs fashion_shoes text_embedding)) . q{
SELECT drop_model('fashion_shoes'); VACUUM mosaic.block;  -- ids with gaps
} . join('', map { "SELECT import_model('$_->[0]', '" . ($_->[1] =~ m{/} ? $_->[1] : data($_->[1])) . "', $_->[2]);" }
	  [ 'near', 'fashion_noise', q{dedup => 'near', max_weight_error => 0.02} ],
	[ 'lossless', $tuned[0], q{dedup => 'lossless'} ],
	[ 'ladder', $tuned[1], q{dedup => 'ladder', max_weight_error => 0.01} ],
	[ 'encoder_half', 'encoder_opset17', q{dtype => 'bf16'} ],
	[ 'iris', 'iris', q{labels => '{setosa,versicolor,virginica}'} ],
	[ 'classes', 'text_classes', q{labels => '{low,high}'} ],
	map { [ 'm', "fashion_$_", 'keep => 3' ] } qw(base dark noise shoes)) . qq{
SELECT set_tokenizer('classes', '$texts/vocab.txt'), set_tokenizer('text_embedding', '$texts/wordpiece.json');
SELECT rollback_model('m'), rollback_model('m');
SELECT set_alias('prod', 'm', 'm\@4', 0.5), set_alias('newest', 'm\@4'), grant_model('prod', 'bob');
SELECT dedup_model('m', 'SELECT x FROM picture', 'agreement', 1, reuse => false);
GRANT pg_read_server_files TO alice;
SET ROLE alice;
SELECT import_model('alices', '} . data('iris_float16') . q{'), import_model('teams', '} . data('iris_opset9') . q{', domain => 'team');
SELECT grant_model('alices', 'bob'), grant_model('teams', '"Eve Ä"');
RESET ROLE;
SELECT change_model_owner('iris', 'carol'), pack_models();
SELECT content_id('iris') AS id \gset
CREATE TABLE flower (i int, x real[], class int GENERATED ALWAYS AS (predict_class(:'id'::uuid, x)) STORED);
INSERT INTO flower SELECT i, ARRAY[i % 7, i % 5, i % 3, i % 2] FROM generate_series(1, 500) i;
CREATE INDEX flower_class ON flower (predict_class(:'id'::uuid, x));
CREATE VIEW named AS SELECT i, predict_label('iris', x) FROM flower;
CREATE MATERIALIZED VIEW shared_out AS SELECT i, predict('prod', x) FROM picture;
};

# What must stay as it is, in lines.
my @contents = (
	q{SELECT name, md5(string_agg(predict(name, x)::text, ',' ORDER BY i)) FROM unnest('{fashion_base,near,lossless,ladder,m,m@1,m@2,m@3,m@4,prod,newest}'::text[]) name, picture GROUP BY name ORDER BY name},
	q{SELECT name, md5(string_agg(predict(name, x)::text, ',' ORDER BY i)) FROM unnest('{iris,alices,teams}'::text[]) name, flower GROUP BY name ORDER BY name},
	q{SELECT name, md5(string_agg(predict(name, (SELECT array_agg(1 + i * j % 60 ORDER BY j) FROM generate_series(1, i) j))::text, ',' ORDER BY i))
	    FROM unnest('{encoder_opset17,encoder_half}'::text[]) name, generate_series(1, 20) i GROUP BY name ORDER BY name},
	q{SELECT predict('two_inputs', jsonb_build_object('item', ARRAY[i], 'context', ARRAY[[i % 7, i % 5, i % 3]])) FROM generate_series(1, 5) i},
	q{SELECT tokenize('classes', w), predict('classes', w), predict_label('classes', w), tokenize('text_embedding', w), embed('text_embedding', w) FROM unnest('{the model,stored as blocks}'::text[]) w},
	q{SELECT md5(string_agg(n::text, ',' ORDER BY i)), (SELECT md5(string_agg(s::text, ',' ORDER BY i)) FROM shared_out s) FROM named n},
	q{SELECT class, count(*), min(predict_class('iris', x)), max(predict_class('iris', x)) FROM flower GROUP BY class ORDER BY class},
	q{SET enable_seqscan = off; SELECT count(*) FROM flower WHERE predict_class(content_id('iris'), x) = 1},
	(map { "SELECT '$_', t FROM mosaic.$_ t ORDER BY t::text" } qw(models versions aliases tokenizers dedup_runs)),
	(map { "SELECT '$_', count(*), md5(string_agg(t::text, ',' ORDER BY t::text)) FROM mosaic.$_ t" }
		  qw(tensors dedup_log sharing model alias domain tokenizer block_meta store)),
	# what imports in between and packing change is how they lie, and where
	q{SELECT 'tensor', md5(string_agg((to_jsonb(t) - 'places')::text, ',' ORDER BY model_id, tensor_no)) FROM mosaic.tensor t},
	q{SELECT 'near_key', count(*), md5(string_agg(e::text, ',' ORDER BY e)) FROM mosaic.near_key, unnest(entries) e},
	q{SELECT md5(string_agg(block_id || md5(data), ',' ORDER BY block_id)) FROM mosaic.block},
	q{SELECT models, block_references, blocks, stored_bytes, format_version, block_height FROM mosaic.storage},
	q{SELECT pg_describe_object(d.classid, d.objid, 0), a.grantee::regrole, string_agg(a.privilege_type, ' ' ORDER BY a.privilege_type)
	    FROM pg_depend d JOIN pg_extension e ON refclassid = 'pg_extension'::regclass AND refobjid = e.oid AND deptype = 'e' AND extname = 'pg_mosaic',
	         LATERAL (SELECT relacl, relowner FROM pg_class WHERE d.classid = 'pg_class'::regclass AND oid = d.objid UNION ALL
	                  SELECT proacl, proowner FROM pg_proc WHERE d.classid = 'pg_proc'::regclass AND oid = d.objid) o (acl, owner), aclexplode(acl) a
	   WHERE a.grantee <> o.owner GROUP BY 1, 2 ORDER BY 1, 2});
my $last_ids = q{SELECT (SELECT last_value FROM mosaic.block_id_seq), (SELECT last_value FROM mosaic.model_id_seq)};

sub contents
{
	my ($node, $db) = @_;
	return $node->safe_psql($db, join ';', @contents, 'RESET enable_seqscan');
}

sub may_predict
{
	my ($node, $db, $role, $model, $may, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my (undef, $out, $err) = $node->psql($db, qq{SET ROLE "$role"; SELECT predict_class('$model', 5.1, 3.5, 1.4, 0.2) IS NOT NULL});
	return like($out . $err, $may ? qr/^t$/ : qr/permission denied for model "$model"/, "$name: $role may use $model: $may");
}

# What is imported finds what it has in common with the others, and what is dropped goes; then all is as before.
sub store_works
{
	my ($node, $db, $expected, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($node->safe_psql($db, q{SELECT string_agg(c::text, E'\n') FROM check_store() c}), '', "$name: check_store() finds nothing");
	store_is_sound($node, $db, $name);
	may_predict($node, $db, @$_, $name) for [ 'bob', 'alices', 1 ], [ 'bob', 'teams', 0 ], [ 'Eve Ä', 'teams', 1 ], [ 'carol', 'iris', 1 ], [ 'mallory', 'iris', 0 ];
	like(($node->psql($db, "DROP ROLE $_->[0]"))[2], qr/privileges for column $_->[1] of table mosaic\.model/, "$name: $_->[0] cannot be dropped")
	  for [ 'carol', 'owner' ], [ '"Eve Ä"', 'readers' ];
	my ($blocks, $models) = split /\|/, $node->safe_psql($db, $last_ids);
	is($node->safe_psql($db, "SELECT blocks > 0 AND blocks = blocks_shared FROM import_model('again', '" . data('fashion_base') . "')"), 't', "$name: known blocks are found");
	is($node->safe_psql($db, "SELECT merged > 0 FROM import_model('near2', '$tuned[2]', dedup => 'near', max_weight_error => 0.02)"), 't', "$name: near ones, too");
	is($node->safe_psql($db, "SELECT blocks > blocks_shared FROM import_model('other', '" . data('text_classifier') . "')"), 't', "$name: a new model");
	is($node->safe_psql($db, "SET ROLE alice; SELECT new_bytes FROM import_model('mine', '" . data('iris_opset9') . "', domain => 'team')"), 0, "$name: alice may import into her domain");
	is($node->safe_psql($db, "SELECT (SELECT min(block_id) FROM mosaic.tensor t, unnest(mosaic.map_blocks(map)) block_id WHERE model_id = mosaic.model_id('other')) > $blocks,
			mosaic.model_id('again') > $models"), 't|t', "$name: no number is used again");
	is($node->safe_psql($db, "BEGIN; SELECT rollback_model('m'); SELECT md5(predict('m', x)::text) = md5(predict('m\@1', x)::text) FROM picture WHERE i = 1; ROLLBACK"), "1\nt", "$name: a version back");
	$node->safe_psql($db, q{SELECT drop_model(n) FROM unnest('{again,near2,other,mine}'::text[]) n; SELECT pack_models(); VACUUM (FREEZE) mosaic.block; VACUUM (FULL, FREEZE) mosaic.model});
	is(differ($expected, contents($node, $db)), '', "$name: and all is as before");
	is($node->safe_psql($db, 'SELECT count(*) FROM check_store()'), '0', "$name: nothing is wrong");
	return;
}

# ---- the oldest ----

my @older = map { [ split /\t/ ] } split /\n/, $ENV{MOSAIC_OLDER};
for my $major (split ' ', $ENV{MOSAIC_UNPACKED} // '')    # by tools/root.sh
{
	BAIL_OUT("PostgreSQL $major was unpacked here, but CMake did not find it and its headers (cmake/ServerTests.cmake)") unless grep { $_->[0] == $major } @older;
}
if (!@older)
{
	BAIL_OUT('no older PostgreSQL is here to upgrade from; tools/test.sh --pg N unpacks some in a root (docs/development.md)') if $ENV{CI};
	pass('no older PostgreSQL is here to upgrade from: nothing to do');
	done_testing();
	exit;
}
@older = map { new_server(@$_) } @older;
my $old = $older[0];
my $from = $old->pg_version->major;
$old->start;
$old->safe_psql('postgres', 'CREATE ROLE alice; CREATE ROLE bob; CREATE ROLE carol; CREATE ROLE "Eve Ä"; CREATE ROLE mallory; CREATE DATABASE store; CREATE DATABASE released; CREATE DATABASE updated');
$old->safe_psql('store', $make_store);
my $expected = contents($old, 'store');
like($expected, qr/^ladder\|\w{32}$/m, "$from: a store");
is($old->safe_psql('store', q{SELECT bool_and(n > 0) FROM (SELECT count(*) AS n FROM mosaic.dedup_log UNION ALL SELECT count(base) FROM mosaic.block_meta UNION ALL SELECT count(*) FROM mosaic.near_key) c}),
	't', "$from: with decisions, differences and keys");
is($old->safe_psql('store', 'SELECT count(*) FROM check_store()'), '0', "$from: and nothing wrong");
# A store of the release before, not yet updated.
my ($release) = sort grep { -d } glob "$stores/*";
my ($version) = $release =~ m{([^/]+)$};
my $recorded = slurp_file("$stores/contents.sql");
for my $db (qw(released updated))
{
	$old->safe_psql($db, "CREATE EXTENSION pg_mosaic VERSION '$version'");
	$old->command_ok([ 'sh', '-c', 'xz -dc "$1" | psql -X -q -v ON_ERROR_STOP=1 -d "$2"', 'sh', "$release/dump.sql.xz", $old->connstr($db) ], "$from: a store of $version, $db");
}
$old->safe_psql('updated', 'ALTER EXTENSION pg_mosaic UPDATE');
my $released = $old->safe_psql('updated', $recorded);
$old->safe_psql('postgres', 'DROP DATABASE updated');

# ---- dump and restore ----

my $fresh = new_server('fresh');
$fresh->start;
$fresh->safe_psql('postgres', 'CREATE ROLE mallory; CREATE ROLE nobody; CREATE ROLE "Eve Ä"');    # other OIDs
my $to = $fresh->pg_version->major;

# restore(SERVER, DATABASE, TO): by the programs of the newest PostgreSQL.
sub restore
{
	my ($node, $source, $db, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$fresh->command_ok([ 'sh', '-c', 'pg_dumpall --globals-only -d "$1" | psql -X -q -d "$2"', 'sh', map { $_->connstr('postgres') } $node, $fresh ], "$name: roles");
	$fresh->command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr($source) ], "$name: dumped");
	$fresh->safe_psql('postgres', "CREATE DATABASE $db");
	# generated columns need the models first (docs/content.md)
	$fresh->command_ok([ 'pg_restore', '--exit-on-error', '-j2', @$_, '-d', $fresh->connstr($db), $dump ], "$name: restored, @$_")
	  for ['--section=pre-data'], [ '--section=data', '-n', 'mosaic' ], [ '--section=data', '-N', 'mosaic' ], ['--section=post-data'];
	unlink $dump;
	is(differ($expected, contents($fresh, $db)), '', "$name: the same bits, models and grants");
	return;
}

restore($old, 'store', 'store', "$from dumped to $to");
store_works($fresh, 'store', $expected, "$from dumped to $to");

# ---- pg_upgrade, from one to the next ----

my $copy = 1;
for my $new (@older[ 1 .. $#older ], new_server('this'))
{
	my $name = join ' upgraded to ', map { $_->pg_version->major } $old, $new;
	$old->stop;
	# initdb turns checksums on from 18 on, and pg_upgrade wants them on both sides or on none
	$old->command_ok([ 'pg_checksums', '--enable', '-D', $old->data_dir ], "$name: checksums")
	  if $new->pg_version >= 18 && $old->pg_version < 18;
	pg_upgrade_ok($old, $new, $copy ? () : '--link');
	$new->start;
	is(differ($expected, contents($new, 'store')), '', "$name: the same bits, models and grants");
	# what keeps owners and readers from being dropped is not carried over
	is($new->safe_psql('store', q{SELECT problem, detail FROM check_store() ORDER BY 2}), join("\n",
			map { "missing dependency|role $_, and could be dropped" } '"Eve Ä" was granted models', '"alice" owns models', '"alice" owns sharing domains',
			'"bob" was granted aliases', '"bob" was granted models', '"carol" owns models'), "$name: check_store() says what is missing");
	$new->safe_psql('store', 'SELECT repair_store()');
	store_works($new, 'store', $expected, $name);
	($old, $copy) = ($new, 0);
}
$old->safe_psql('released', 'ALTER EXTENSION pg_mosaic UPDATE; SELECT repair_store()');
is($old->safe_psql('released', $recorded), $released, "$version in $from, upgraded to $to, then updated: as if updated before");
is($old->safe_psql('released', 'SELECT count(*) FROM check_store()'), '0', 'and nothing is wrong');

# What was upgraded is dumped as what was made anew; the extension goes, and comes again.
restore($old, 'store', 'again', "upgraded to $to and dumped");
$old->safe_psql('store', 'DROP EXTENSION pg_mosaic CASCADE');
is($old->safe_psql('store', q{SELECT count(*) FROM pg_class WHERE relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname = 'mosaic')}), 0, 'dropped whole');
my ($digest) = $expected =~ /^fashion_base\|(\w+)$/m;
is($old->safe_psql('store', 'CREATE EXTENSION pg_mosaic;' . import_sql('fashion_base') . q{SELECT md5(string_agg(predict('fashion_base', x)::text, ',' ORDER BY i)) FROM picture}) =~ s/^\(.*\n//mr,
	$digest, 'and made anew');
$_->stop for $old, $fresh;
done_testing();
