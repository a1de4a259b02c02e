# ALTER EXTENSION UPDATE from each release leaves what CREATE EXTENSION makes, object by object; how its script is joined.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use MosaicTest;

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init;
$node->start;
my $dump = "$PostgreSQL::Test::Utils::tmp_check/dump";

# The extension as pg_dump sees it for pg_upgrade, each of its objects by itself: definitions, grants, comments. Taken out is
# what differs from database to database: OIDs and transaction ids. Then, by name, what that has by OIDs.
sub objects
{
	my ($db) = @_;
	$node->command_ok([ 'pg_dump', '--schema-only', '--binary-upgrade', '-d', $node->connstr($db), '-f', $dump ], "$db: pg_dump");
	my $sql = slurp_file($dump);
	unlink $dump;
	$sql =~ s/^UPDATE pg_catalog.pg_class\nSET relfrozenxid = .*\nWHERE .*\n//mg;
	$sql =~ s/^(\\(un)?restrict |--|SET |SELECT pg_catalog\.binary_upgrade_set_next_).*\n//mg;
	$sql =~ s/(binary_upgrade_create_empty_extension\('pg_mosaic', .*?)'\{[\d,]+\}'/$1.../;
	$sql =~ s/^\n+//mg;
	return $sql . $node->safe_psql($db, q{
		SELECT 'dumped: ' || c::regclass || ' ' || w FROM pg_extension, unnest(extconfig, extcondition) AS u (c, w)
		 WHERE extname = 'pg_mosaic' ORDER BY c::regclass::text;
		SELECT 'granted: ' || pg_describe_object(i.classoid, i.objoid, i.objsubid) || ' ' || i.initprivs::text
		  FROM pg_init_privs i JOIN pg_depend d ON d.classid = i.classoid AND d.objid = i.objoid AND d.deptype = 'e' ORDER BY 1}) . "\n";
}

sub same_objects
{
	my ($db, $expected) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $objects = objects($db);
	is(differ($expected, $objects), '', "$db: each line is one of a fresh installation, and none is missing");
	return ok($objects eq $expected, "$db: in the same order");
}

my @released = sort map { /pg_mosaic--([^\/]+?)\.sql$/ && $1 !~ /--/ ? $1 : () } glob "$ENV{MOSAIC_TEST_DATA}/../../sql/frozen/*.sql";
ok((grep { $_ eq '0.1.0' } @released), "there were releases: @released");

$node->safe_psql('postgres', 'CREATE DATABASE fresh');
$node->safe_psql('fresh', 'CREATE EXTENSION pg_mosaic');
my $fresh = objects('fresh');
my $members = $node->safe_psql('fresh', q{
	SELECT count(*) FROM pg_depend d JOIN pg_extension e ON refclassid = 'pg_extension'::regclass AND refobjid = e.oid AND deptype = 'e' AND extname = 'pg_mosaic'
	-- Since 17 types that come with tables and types are members, too.
	 WHERE NOT EXISTS (SELECT FROM pg_type t WHERE classid = 'pg_type'::regclass AND t.oid = objid AND (typrelid <> 0 OR typcategory = 'A'))});
is(scalar(() = $fresh =~ /^ALTER EXTENSION pg_mosaic ADD /mg), $members, "all $members objects are compared");

if ($node->pg_version >= 18)
{
	is($node->safe_psql('fresh', q{LOAD 'pg_mosaic'; SELECT version FROM pg_get_loaded_modules() WHERE module_name = 'pg_mosaic'}),
		$node->safe_psql('fresh', q{SELECT extversion FROM pg_extension WHERE extname = 'pg_mosaic'}), 'the module tells its version');
}

for my $from (@released)
{
	my $db = "from_$from";
	$node->safe_psql('postgres', qq{CREATE DATABASE "$db"});
	$node->safe_psql($db, "CREATE EXTENSION pg_mosaic VERSION '$from'");
	isnt(differ($fresh, objects($db)), '', "$from is another version");
	my ($rc, undef, $err) = $node->psql($db, "SELECT predict('iris', '{1,2,3,4}'::real[])");
	like($err, qr/built for other catalogs .*\nDETAIL: .*of version \Q$from\E.*\nHINT:  Run ALTER EXTENSION pg_mosaic UPDATE/, "$from: says what to do");
	$node->safe_psql($db, 'ALTER EXTENSION pg_mosaic UPDATE');
	same_objects($db, $fresh);
	is($node->safe_psql($db, "SELECT tensors > 0 FROM import_model('iris', '" . data('iris') . "')"), 't', "$from, updated: works");
}

# Functions whose rows have a column more are the same functions: what was granted on them, and what depends on them, stays. No grant of an
# administrator's becomes one of the extension's, which would not be dumped.
$node->safe_psql('postgres', 'CREATE DATABASE used; CREATE ROLE importer');
$node->safe_psql('used', q{CREATE EXTENSION pg_mosaic VERSION '0.1.0';
	SELECT format('GRANT ALL ON %s %s TO importer', CASE classid WHEN 'pg_proc'::regclass THEN 'FUNCTION' ELSE 'TABLE' END,
		CASE classid WHEN 'pg_proc'::regclass THEN objid::regprocedure::text ELSE objid::regclass::text END)
	FROM pg_depend WHERE deptype = 'e' AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_mosaic')
	 AND (classid = 'pg_proc'::regclass OR classid = 'pg_class'::regclass AND (SELECT relkind IN ('r', 'v') FROM pg_class WHERE oid = objid)) \gexec
	CREATE VIEW plan AS SELECT * FROM plan_dedup('missing', 'SELECT 1');
	ALTER EXTENSION pg_mosaic UPDATE});
is($node->safe_psql('used', q{SELECT string_agg(proname || ' ' || pronargs, ', ' ORDER BY proname, pronargs) FROM pg_proc, aclexplode(proacl)
	WHERE grantee = 'importer'::regrole AND proname IN ('import_model', 'import_adapter', 'dedup_model', 'plan_dedup', 'dedup_curve', 'plan_ladder')}),
	'dedup_curve 1, dedup_model 11, import_model 16, import_model 16, import_model 16, plan_dedup 12', 'grants stay');
is($node->safe_psql('used', q{SELECT pg_describe_object(classoid, objoid, objsubid) FROM pg_init_privs WHERE EXISTS (SELECT FROM aclexplode(initprivs) WHERE grantee = 'importer'::regrole)}),
	'', 'and are the administrator\'s');
my ($plan_rc, undef, $plan_err) = $node->psql('used', 'SELECT standard_error FROM plan');
like($plan_err, qr/column "standard_error" does not exist/, 'a view has the columns that it had');
($plan_rc, undef, $plan_err) = $node->psql('used', 'SELECT * FROM plan');
like($plan_err, qr/model "missing" does not exist/, 'and works');

# What the comparison must notice: a line of the difference for each change
my $changed = "from_$released[0]";
my @changes = (
	[ qr/^\+.*SELECT 0/ => q{CREATE OR REPLACE FUNCTION mosaic.catalog_version() RETURNS int4 AS 'SELECT 0' LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE} ],
	[ qr/^\+.* c STABLE STRICT/ => 'ALTER FUNCTION mosaic.dtype_name(int2) STABLE' ],
	[ qr/^\+.* COST 1001/ => 'ALTER FUNCTION predict(text, real[]) COST 1001' ],
	[ qr/^\+.* SET search_path TO/ => 'ALTER FUNCTION model_info(text) SET search_path = pg_catalog' ],
	[ qr/^\+.*block_height integer DEFAULT 31/ => q{CREATE OR REPLACE FUNCTION init_store(block_height int DEFAULT 31, near_tables int DEFAULT 3,
		near_hashes int DEFAULT 8, near_width float4 DEFAULT 0.04) RETURNS void AS '$libdir/pg_mosaic', 'mosaic_pg_init_store' LANGUAGE C} ],
	[ qr/^\+.*GRANT ALL ON FUNCTION public.drop_model/ => 'GRANT EXECUTE ON FUNCTION drop_model(text) TO PUBLIC' ],
	[ qr/^\+ +more integer/ => 'ALTER TABLE mosaic.store ADD COLUMN more int' ],
	[ qr/^\+.*pg\.dropped/ => 'ALTER TABLE mosaic.domain ADD COLUMN more int; ALTER TABLE mosaic.domain DROP COLUMN more' ],
	[ qr/^\+.* DEFAULT clock_timestamp/ => 'ALTER TABLE mosaic.store ALTER COLUMN created SET DEFAULT clock_timestamp()' ],
	[ qr/^-.*CONSTRAINT block_meta_models_check/ => 'ALTER TABLE mosaic.block_meta DROP CONSTRAINT block_meta_models_check' ],
	[ qr/^-.*CREATE INDEX block_meta_hash_idx/ => 'DROP INDEX mosaic.block_meta_hash_idx' ],
	[ qr/^-.*COLUMN map SET STORAGE/ => 'ALTER TABLE mosaic.tensor ALTER COLUMN map SET STORAGE EXTENDED' ],
	[ qr/^\+.*fillfactor='90'/ => 'ALTER TABLE mosaic.near_key SET (fillfactor = 90)' ],
	[ qr/^-.*VIEW mosaic.tensors WITH/ => 'ALTER VIEW mosaic.tensors RESET (security_barrier)' ],
	[ qr/^-.*WHERE \(\(m\.replaced IS NULL\) AND mosaic\.may_use/ => q{CREATE OR REPLACE VIEW mosaic.models AS SELECT * FROM (}
		. $node->safe_psql($changed, q{SELECT regexp_replace(pg_get_viewdef('mosaic.models'), 'WHERE .{1,40}mosaic.may_use.*', '')}) . ') m' ],
	[ qr/^\+.*COMMENT .*'another'/ => q{COMMENT ON COLUMN mosaic.models.owner IS 'another'} ],
	[ qr/^\+ dumped: .*only_row/ => q{UPDATE pg_extension SET extcondition[1] = 'WHERE only_row' WHERE extname = 'pg_mosaic'} ],
	[ qr/^-.*ADD FUNCTION public.rename_model/ => 'ALTER EXTENSION pg_mosaic DROP FUNCTION rename_model(text, text)' ]);
$node->safe_psql($changed, $_->[1]) for @changes;
my @difference = split /\n/, differ($fresh, objects($changed));
for my $change (@changes)
{
	my ($line, $sql) = @$change;
	ok((grep { $_ =~ $line } @difference), "noticed: " . substr($sql =~ s/\s+/ /gr, 0, 100));
}
$node->stop;

# The joined script
my $sql = "$ENV{MOSAIC_TEST_DATA}/../../sql";
my $tmp = PostgreSQL::Test::Utils::tempdir();
sub joined
{
	my ($released, $upgrade, $new) = @_;
	append_to_file("$tmp/released", $released);
	append_to_file("$tmp/upgrade", $upgrade);
	append_to_file("$tmp/new", $new);
	my ($out, $err) = ('', '');
	IPC::Run::run([ $^X, "$sql/upgrade/join.pl", "$tmp/released", "$tmp/upgrade" ], '<', "$tmp/new", '>', \$out, '2>', \$err);
	unlink glob "$tmp/*";
	return ($out =~ s/\n+/\n/gr =~ s/^\n//r) . $err;
}
my $released = q{\echo Not thus \quit
-- it's a comment; with a quote
CREATE TABLE t (a int);  -- a
CREATE FUNCTION f(a int) RETURNS text AS $$ SELECT ';' || '--' || 'it''s' $$ LANGUAGE sql;
CREATE FUNCTION g(int) RETURNS int LANGUAGE sql
BEGIN ATOMIC
  SELECT 1;
  SELECT 2;
END;
COMMENT ON FUNCTION g(int) IS 'old';
CREATE VIEW v AS SELECT 1 AS a;
GRANT SELECT ON v TO PUBLIC;
REVOKE ALL ON FUNCTION f(int) FROM PUBLIC;
};
my $here = "-- \@changed statements\@\n";
is(joined($released, "before\n${here}after\n", $released =~ s/^(CREATE|\w+ ON) /$1\n  /gmr), "before\nafter\n", 'nothing changed but spaces');
is(joined($released, $here, $released =~ s/a int\);/a int, b int);/r =~ s/SELECT 2/SELECT 3/r =~ s/AS a;/AS a, 2 AS b;/r
		  . "CREATE TABLE u (a int);\nCREATE UNIQUE INDEX i ON t (a);\nCOMMENT ON COLUMN t.b IS 'new;';\nCREATE FUNCTION h() RETURNS int AS 'x', 'y' LANGUAGE C;\n"),
	q{CREATE OR REPLACE FUNCTION g(int) RETURNS int LANGUAGE sql
BEGIN ATOMIC
  SELECT 1;
  SELECT 3;
END;
CREATE OR REPLACE VIEW v AS SELECT 1 AS a, 2 AS b;
CREATE TABLE u (a int);
CREATE UNIQUE INDEX i ON t (a);
COMMENT ON COLUMN t.b IS 'new;';
CREATE OR REPLACE FUNCTION h() RETURNS int AS 'x', 'y' LANGUAGE C;
}, 'replaced, made, commented; a table that there was is left to whoever wrote the change');
is(joined($released, "DROP VIEW v;\nDROP FUNCTION g(int);\n$here", $released),
	q{DROP VIEW v;
DROP FUNCTION g(int);
CREATE OR REPLACE FUNCTION g(int) RETURNS int LANGUAGE sql
BEGIN ATOMIC
  SELECT 1;
  SELECT 2;
END;
COMMENT ON FUNCTION g(int) IS 'old';
CREATE OR REPLACE VIEW v AS SELECT 1 AS a;
GRANT SELECT ON v TO PUBLIC;
}, 'what is dropped is made anew, with its comments and grants');
is(joined($released, "-- \@changed statements before GRANT SELECT ON u\@\nALTER TABLE t OF ty;\n$here", $released . "CREATE TYPE ty AS (a int);\nCREATE CAST (ty AS text) WITH INOUT;\nGRANT SELECT ON u TO x;\n"),
	"CREATE TYPE ty AS (a int);\nCREATE CAST (ty AS text) WITH INOUT;\nALTER TABLE t OF ty;\nGRANT SELECT ON u TO x;\n", 'a part first, for what is written by hand');
like(joined($released, "-- \@changed statements before GRANT SELECT ON u\@\n$here", $released), qr/no statement begins with "GRANT SELECT ON u"/, 'a part that ends nowhere is an error');
like(joined($released, $here, $released . "CREATE LANGUAGE l;\n"), qr/what does this create\? CREATE LANGUAGE l/, 'an unknown kind is an error');
like(joined($released, "nothing\n", $released), qr/no line "-- \@changed statements\@"/, 'and a script without the line');
done_testing();
