# Bytes that went bad on disk, with data checksums off: whatever byte of a row, of what its values hold or of a
# line pointer it is, check_store() and repair_store() return, nothing ends the server, a prediction is the right
# one or an error, views show what is there or an error, and nobody sees what they have no right to. Of payloads, which predictions
# do not verify, check_store() names every one that was changed; places are hints, on which no answer depends.
use strict;
use warnings;
use File::Copy qw(copy);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use MosaicTest;

use constant { PAGE => 8192, HEADER => 24 };
my @values = (0x00, 0x01, 0x02, 0x12, 0x7f, 0x80, 0xfe, 0xff);

my $node = PostgreSQL::Test::Cluster->new('primary');
my $version = `pg_config --version` =~ /(\d+)/ ? $1 : 0;
$node->init($version >= 18 ? (extra => ['--no-data-checksums']) : ());
$node->append_conf('postgresql.conf', "autovacuum = off\nmax_parallel_workers_per_gather = 0\n");
$node->start;
# Maps and places out of line too.
$node->safe_psql('postgres', 'CREATE EXTENSION pg_mosaic; ALTER TABLE mosaic.tensor SET (toast_tuple_target = 128);'
	  . import_sql(qw(fashion_base fashion_dark text_classifier fashion_noise))
	  . join('', map { "SELECT import_model('iris_$_', '" . data('iris') . "');" } 1 .. 48));
my $vocabulary = data('../text/wordpiece') =~ s/\.onnx$/.json/r;
$node->safe_psql('postgres', <<"SQL");
CREATE ROLE reader; CREATE ROLE nobody;
SELECT grant_model(name, 'reader') FROM mosaic.models WHERE model_id % 2 = 0;
SELECT set_labels(name, '{setosa,versicolor,virginica}') FROM mosaic.models WHERE name LIKE 'iris%' AND model_id % 3 > 0;
SELECT set_tokenizer('text_classifier', pg_read_binary_file('$vocabulary'));
SELECT set_alias('alias_' || i, 'iris_' || i), grant_model('alias_' || i, 'reader') FROM generate_series(1, 8) i;
SELECT merged FROM dedup_model('fashion_noise', tolerance => 0.05, min_similarity => 0.5, max_weight_error => 0.5);
SQL
# Blocks that are stored as differences, lossless and of few bits.
$node->safe_psql('postgres', "SELECT import_model('fashion_delta', '" . data('fashion_noise') . "', dedup => 'lossless');"
	  . "SELECT import_model('fashion_low', '" . data('fashion_noise') . "', dedup => 'ladder', max_weight_error => 0.01)");
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE expected AS
  SELECT m, CASE WHEN m LIKE 'iris%' THEN predict(m, '{1,2,3,4}'::real[]) WHEN m LIKE 'text%' THEN predict(m, '{1,2,3}'::int[])
    ELSE predict(m, array_fill(0.5::real, '{784}')) END AS p
  FROM (SELECT name COLLATE "default" AS m FROM mosaic.models) t;
-- What became of the predictions: 'same', 'other' or a SQLSTATE, and how often.
CREATE FUNCTION outcomes() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE e expected; p real[];
BEGIN
  FOR e IN SELECT * FROM expected LOOP
    BEGIN
      p := CASE WHEN e.m LIKE 'iris%' THEN predict(e.m, '{1,2,3,4}'::real[]) WHEN e.m LIKE 'text%' THEN predict(e.m, '{1,2,3}'::int[])
        ELSE predict(e.m, array_fill(0.5::real, '{784}')) END;
      RETURN NEXT CASE WHEN p = e.p THEN 'same' ELSE 'other: ' || e.m END;
    EXCEPTION WHEN OTHERS THEN RETURN NEXT SQLSTATE;
    END;
  END LOOP;
END $$;
-- All that reads the store returns, or fails with an error.
CREATE FUNCTION survives(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
  EXECUTE 'SELECT count(t::text) FROM (' || statement || ') t' INTO n;
  RETURN n;
EXCEPTION WHEN query_canceled OR OTHERS THEN RETURN SQLSTATE;
END $$;
-- Of versions that nobody sees check_store() says nothing.
VACUUM mosaic.block, mosaic.block_meta, mosaic.tensor, mosaic.model, mosaic.near_key, mosaic.alias, mosaic.tokenizer, mosaic.dedup_run, mosaic.dedup_decision;
SQL
my $database = $node->data_dir . '/' . $node->safe_psql('postgres', q{SELECT 'base/' || oid FROM pg_database WHERE datname = 'postgres'});
my %file = map { split /\|/ } split /\n/, $node->safe_psql('postgres', <<'SQL');
SELECT relname, relfilenode FROM pg_class WHERE relnamespace = 'mosaic'::regnamespace AND relkind = 'r' AND pg_relation_size(oid) > 0
UNION ALL SELECT 'toast', reltoastrelid FROM pg_class WHERE oid = 'mosaic.tensor'::regclass
SQL
my %is_delta = map { split /\|/ } split /\n/, $node->safe_psql('postgres', 'SELECT block_id, (base IS NOT NULL)::int FROM mosaic.block_meta');
$node->safe_psql('postgres', 'VACUUM (FREEZE) expected');
$node->stop;
my $saved = "$PostgreSQL::Test::Utils::tmp_check/saved";
mkdir $saved;
copy($_, $saved) or die "$_: $!" for glob "$database/*";

sub restore
{
	for my $path (glob "$saved/*") { copy($path, $database) or die "$path: $!"; }
	return;
}

# Where the rows of a table are in its file, and the line pointers that lead to them.
sub rows_of
{
	my ($table) = @_;
	open my $in, '<:raw', "$saved/$file{$table}" or die "$table: $!";
	my @rows;
	for (my $page = 0; read($in, my $bytes, PAGE) == PAGE; $page++)
	{
		my $lines = (unpack('x12 v', $bytes) - HEADER) / 4;
		for my $i (0 .. $lines - 1)
		{
			my $pointer = unpack 'x' . (HEADER + 4 * $i) . ' V', $bytes;
			my ($at, $length) = ($pointer & 0x7fff, $pointer >> 17);
			push @rows, { name => "page $page, line " . ($i + 1), line => $page * PAGE + HEADER + 4 * $i,
				at => $page * PAGE + $at, length => $length, bytes => substr($bytes, $at, $length) } if ($pointer >> 15 & 3) == 1;
		}
	}
	return @rows;
}

my $checked = 'SELECT * FROM check_store()';
my @others = ('ANALYZE', 'SELECT * FROM repair_store()', 'SELECT * FROM pack_models(dry_run => true)', 'SELECT * FROM mosaic.cache',
	'SELECT drop_model(m) FROM expected', 'SELECT model_info(m) FROM expected LIMIT 3', 'SELECT mosaic.report()',
	map { "SELECT * FROM mosaic.$_" } qw(models versions tensors tokenizers aliases stat_models sharing cache_classes storage dedup_runs dedup_log));
# Who changes a row whose header names a transaction to come waits for that, as PostgreSQL does.
my $all = "$checked; SELECT * FROM outcomes(); SET statement_timeout = '20s';" . join '', map { "BEGIN; SELECT 'survived', survives('$_'); ROLLBACK;" } @others;
$all .= "SET ROLE nobody; SELECT 'hidden', survives('SELECT * FROM mosaic.$_');" for qw(models versions tensors aliases);
my ($changes, $errors) = (0, 0);

# Tampers with the table and looks: changes is a list of [position in the file, value]. Returns what check_store() says.
my $may_differ = 0;

sub round
{
	my ($name, $table, @changes) = @_;
	restore();
	open my $out, '+<:raw', "$database/$file{$table}" or die "$table: $!";
	for my $change (@changes)
	{
		seek $out, $change->[0], 0;
		print $out chr $change->[1];
	}
	close $out;
	$changes += @changes;
	$node->start;
	my ($rc, $found, $err) = $node->psql('postgres', $all, on_error_stop => 0);
	$node->stop;
	is($rc, 0, "$name: all returns") or diag($err);
	is(scalar(() = $found =~ /^survived/mg), scalar @others, "$name: nothing is left out");
	unlike($err, qr/ERROR/, "$name: check_store() is no error");
	unlike($found, qr/^other/m, "$name: no prediction is another") if !$may_differ;
	is(scalar(() = $found =~ /^hidden\|(?:0|XX001|57014)$/mg), 4, "$name: who has no right sees nothing")
	  or diag($found =~ /^(hidden.*)/mg);
	unlike(slurp_file($node->logfile), qr/terminated by signal/, "$name: no process died")
	  or BAIL_OUT("changes: @{[ map { '[' . join(',', @$_) . ']' } @changes ]}");
	$errors += () = $found =~ /^XX001/mg;
	return $found;
}

# One byte of each row at a time, from a list of all offsets with all values. What is said of a row whose
# bytes at the offsets of "named" were changed must name it.
sub tamper_rows
{
	my ($table, $bytes, $rounds, @named) = @_;
	my @rows = rows_of($table);
	my @combinations = map { my $o = $_; map { [ $o, $_ ] } @values } 0 .. $bytes - 1;
	my ($n, $damaged, @missed) = (0, 0);
	@combinations = sort { $a->[2] <=> $b->[2] } map { [ @$_, rand ] } @combinations;
	while (@combinations && $n < $rounds)
	{
		my (@changes, @must);
		for my $row (@rows)
		{
			my $c = shift @combinations // last;
			next if $c->[0] >= $row->{length} || $c->[1] == ord substr($row->{bytes}, $c->[0], 1);
			push @changes, [ $row->{at} + $c->[0], $c->[1] ];
			push @must, $row->{name} if grep { $_ == $c->[0] } @named;
		}
		my $found = round("$table, round " . ++$n, $table, @changes);
		$damaged += () = $found =~ /^damaged row/mg;
		push @missed, grep { $found !~ /^damaged row.*mosaic\.$table, $_:/m } @must;
	}
	is("@missed", '', "$table: rows are named by page and line ($damaged)");
	return;
}

# The seed, and how many rounds a table takes at most: by default what is left to chance are rows of variable layout.
my ($seed, $rounds) = ($ENV{MOSAIC_TAMPER_SEED} // 1, $ENV{MOSAIC_TAMPER_ROUNDS} // 2);
note "seed $seed";
srand $seed;
# t_hoff and the header of the payload; t_hoff
tamper_rows('block', 32, 100, 22, 28 .. 31);
tamper_rows('block_meta', 60, 100, 22);
tamper_rows('tensor', 200, $rounds, 22);
tamper_rows('model', 64, $rounds, 22);
tamper_rows('model', 2000, $rounds);
tamper_rows('alias', 120, $rounds / 2, 22);
tamper_rows('tokenizer', 400, $rounds / 2, 22);
tamper_rows('dedup_decision', 400, $rounds / 2, 22);
tamper_rows('dedup_run', 200, $rounds / 2, 22);
tamper_rows('near_key', 60, $rounds, 22);
tamper_rows('toast', 48, $rounds);

# Line pointers, and page headers: as many of these at a time as there are pages.
for my $table ('block', 'tensor', 'model')
{
	my @rows = rows_of($table);
	my $i = 0;
	round("$table, line pointers", $table, map { [ $_->{line} + $i++ % 4, $values[ $i % @values ] ] } @rows);
	my @bytes = (12, 14, 18);
	while (my @now = splice @bytes, 0, (-s "$saved/$file{$table}") / PAGE)
	{
		round("$table, page headers, bytes @now", $table, map { [ $_ * PAGE + $now[$_], 0xff ] } 0 .. $#now);
	}
}
cmp_ok($errors, '>', 0, "predictions met what is damaged ($changes bytes changed, $errors errors)");

# One byte of the payload of each row: of those that are whole (a difference to one of them is another block then), of those that are
# differences, which carry a checksum that predictions look at.
my @blocks = map { { %$_, id => unpack('x24 l', $_->{bytes}) } } rows_of('block');
for my $kind (0, 1)
{
	my @rows = grep { $is_delta{ $_->{id} } == $kind } @blocks;
	my $what = $kind ? 'differences' : 'whole blocks';
	cmp_ok(scalar @rows, '>', 20, "payloads: there are $what (" . @rows . ")");
	for my $n (1 .. int(($rounds + 1) / 2))
	{
		my @changes = map {
			my $at = 32 + int rand $_->{length} - 32;
			[ $_->{at} + $at, ord(substr $_->{bytes}, $at, 1) ^ (1 + int rand 255) ]
		} @rows;
		$may_differ = !$kind;
		my $found = round("payloads of $what, round $n", 'block', @changes);
		my %named = map { $_ => 1 } $found =~ /^wrong hash\|[^|]*\|[^|]*\|(\d+)\|/mg;
		is(join(' ', grep { !$named{$_} } map { $_->{id} } @rows), '', "payloads of $what, round $n: each is named");
		is(join(' ', grep { !$is_delta{$_} } keys %named), '', "payloads of $what, round $n: and no base of them") if $kind;
	}
}
$may_differ = 0;

restore();
$node->start;
is($node->safe_psql('postgres', $checked), '', 'the store as it was is sound');

# Places: any bytes, and any number of them.
$node->safe_psql('postgres', <<'SQL');
SELECT FROM repair_store();
CREATE TABLE files AS SELECT m, md5(export_model(m)) AS file FROM expected;
CREATE TABLE kept AS SELECT model_id, tensor_no, places FROM mosaic.tensor WHERE places IS NOT NULL;
CREATE FUNCTION any_bytes(n bigint, most int) RETURNS bytea LANGUAGE sql VOLATILE AS
  $$ SELECT coalesce(string_agg(decode(lpad(to_hex(floor(random() * most)::int), 2, '0'), 'hex'), ''), '') FROM generate_series(1, n) $$;
-- A place: the page in two halves of 16 bits, the line.
CREATE FUNCTION on_pages(n bigint, pages bigint) RETURNS bytea LANGUAGE sql VOLATILE AS
  $$ SELECT string_agg(decode('0000' || lpad(to_hex(page & 255), 2, '0') || lpad(to_hex(page >> 8), 2, '0') || lpad(to_hex(line), 2, '0') || '00', 'hex'), '')
       FROM (SELECT floor(random() * (pages + 2))::int AS page, floor(random() * 6)::int AS line FROM generate_series(1, n) OFFSET 0) p $$;
CREATE FUNCTION tampered(places bytea, pages bigint) RETURNS bytea LANGUAGE plpgsql VOLATILE AS $$
DECLARE n int := octet_length(places);
BEGIN
  CASE floor(random() * 9)::int
    WHEN 0 THEN RETURN any_bytes(n, 256);
    WHEN 1 THEN RETURN any_bytes(n, 3);
    WHEN 2 THEN RETURN on_pages(n / 6, pages);
    WHEN 3 THEN RETURN set_byte(places, floor(random() * n)::int, floor(random() * 256)::int);
    WHEN 4 THEN RETURN decode(repeat(encode(substr(places, 1 + 6 * floor(random() * n / 6)::int, 6), 'hex'), n / 6), 'hex');
    WHEN 5 THEN RETURN substr(places, 1, floor(random() * n)::int);
    WHEN 6 THEN RETURN places || any_bytes(1 + floor(random() * 12)::int, 256);
    WHEN 7 THEN RETURN decode(repeat('ff', n), 'hex');
    ELSE RETURN NULL;
  END CASE;
END $$;
SQL
my $tamper = q{UPDATE mosaic.tensor t SET places = tampered(k.places, pg_relation_size('mosaic.block') / 8192) FROM kept k WHERE k.model_id = t.model_id AND k.tensor_no = t.tensor_no};
my $moved = 'SELECT sum(moved) > 0 FROM mosaic.places';
my $restored = 'SELECT count(*) FROM kept k JOIN mosaic.tensor t USING (model_id, tensor_no) WHERE t.places IS DISTINCT FROM k.places';
my $gate = q{'SELECT array_fill(0.5::real, ''{784}'') FROM generate_series(1, 3)', 'agreement'};
my $reads = join '', map { "SELECT 'survived', survives(\$\$$_\$\$);" } 'SELECT * FROM mosaic.cache', 'SELECT * FROM mosaic.pages',
  'SELECT * FROM pack_models(dry_run => true)', 'SELECT prewarm_model(m) FROM expected', "SELECT * FROM plan_dedup('fashion_dark', $gate)",
  "SELECT * FROM plan_ladder('fashion_dark', $gate, curve_points => 2)";
for my $n (1 .. 4 * $rounds)
{
	my $name = "places, round $n";
	$node->safe_psql('postgres', "SELECT setseed((($seed * 1000 + $n) % 1000000) / 1e6); $tamper");
	my ($rc, $found, $err) = $node->psql('postgres', "SELECT DISTINCT outcomes(); $moved; $checked; $reads"
		  . 'SELECT count(*) FROM files WHERE file IS DISTINCT FROM md5(export_model(m));', on_error_stop => 0);
	is("$rc $err", '0 ', "$name: all returns");
	like($found, qr/^same\nt\n(?:survived\|\d{1,4}\n)+0$/, "$name: predictions are the same, mosaic.places tells, check_store() finds no damage");
	next if $n % 4;
	$node->safe_psql('postgres', 'SELECT FROM repair_store()');
	is($node->safe_psql('postgres', "$restored; SELECT sum(moved) FROM mosaic.places"), "0\n0", "$name: repair_store() writes them as they were");
}
$node->stop;
done_testing();
