# Blocks stored as differences: the same bits on a standby, after crashes, dump, VACUUM FULL, and while their bases' models go.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use MosaicTest;

my @files = map { fine_tune($_) } 1 .. 3;
my $image = q{(SELECT array_agg((j * i % 97 / 97.0)::real ORDER BY j) FROM generate_series(1, 784) j)};
my $predict = q{SELECT md5(string_agg(predict('tuned', } . $image . q{)::text, ',' ORDER BY i)) FROM generate_series(1, 300) i};
my $deltas = q{SELECT count(base) FROM mosaic.block_meta};
my $problems = q{SELECT count(*) FROM check_store()};

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', "autovacuum = off\n");
$primary->start;
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

$primary->safe_psql('postgres', 'CREATE EXTENSION pg_mosaic;' . import_sql('fashion_base') . "SELECT import_model('tuned', '$files[0]')");
my $expected = $primary->safe_psql('postgres', $predict);
$primary->safe_psql('postgres', "SELECT drop_model('tuned'); SELECT import_model('tuned', '$files[0]', dedup => 'lossless')");
cmp_ok($primary->safe_psql('postgres', $deltas), '>', 200, 'blocks are stored as differences');
is($primary->safe_psql('postgres', $predict), $expected, 'the same bits as whole');

# A model of differences of few bits, from where it is imported on.
my $ladder = q{dedup => 'ladder', max_weight_error => 0.01};
my $low;
(my $predict_low = $predict) =~ s/tuned/low/;

sub still_the_same
{
	my ($node, $db, $name) = @_;
	if (defined $low)
	{
		is($node->safe_psql($db, $predict_low), $low, "$name: the same bits, of few");
		is($node->safe_psql($db, "SET pg_mosaic.delta_memory = '64kB'; $predict_low"), $low, "$name: nor where none is kept, of few");
	}
	is($node->safe_psql($db, $predict), $expected, "$name: the same bits");
	is($node->safe_psql($db, "SET pg_mosaic.delta_memory = '64kB'; $predict"), $expected, "$name: nor where none is kept");
	is($node->safe_psql($db, $problems), 0, "$name: check_store() finds nothing");
	store_is_sound($node, $db, $name);
	return;
}

$primary->wait_for_catchup($standby);
is($standby->safe_psql('postgres', $predict), $expected, 'standby: the same bits');
is($standby->safe_psql('postgres', $problems), 0, 'standby: check_store() finds nothing');

# An import that did not commit, and its use of bases, are gone; one that did is there.
my $session = $primary->background_psql('postgres', on_error_stop => 0);
$session->query_safe('BEGIN');
$session->query_safe("SELECT count(*) FROM import_model('second', '$files[1]', dedup => 'lossless')");
$session->query_safe("SET client_min_messages = warning");
$session->query_safe("SELECT count(*) FROM import_model('low', '$files[2]', $ladder)");
$primary->safe_psql('postgres', 'CHECKPOINT');
my $before = $primary->safe_psql('postgres', $deltas);
crash($primary);
eval { $session->quit };
is($primary->safe_psql('postgres', $deltas), $before, 'crash before the commit: no difference is left');
still_the_same($primary, 'postgres', 'crash before the commit');
$primary->safe_psql('postgres', "SELECT import_model('second', '$files[1]', dedup => 'lossless'); SELECT import_model('low', '$files[2]', $ladder)");
$low = $primary->safe_psql('postgres', $predict_low);
crash($primary);
cmp_ok($primary->safe_psql('postgres', $deltas), '>', $before, 'crash after the commit: nothing is lost');
still_the_same($primary, 'postgres', 'crash after the commit');
$primary->wait_for_catchup($standby);
is($standby->safe_psql('postgres', $predict_low), $low, 'standby: the same bits, of few');

# Who sees the models as they were predicts, whatever is dropped and vacuumed meanwhile.
$session = $primary->background_psql('postgres', on_error_stop => 0);
$session->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
is($session->query_safe('SELECT count(*) FROM mosaic.models'), 4, 'a snapshot');
$primary->safe_psql('postgres', "SELECT drop_model('fashion_base'); SELECT drop_model('tuned'); SELECT drop_model('second'); SELECT drop_model('low')");
$primary->safe_psql('postgres', 'VACUUM mosaic.block; VACUUM mosaic.block_meta');
is($session->query_safe($predict), $expected, 'an old snapshot: the same bits');
is($session->query_safe($predict_low), $low, 'an old snapshot: the same bits, of few');
$session->query_safe('COMMIT');
$session->quit;
$primary->safe_psql('postgres', 'VACUUM mosaic.block');
is($primary->safe_psql('postgres', q{SELECT count(*) FROM mosaic.block}), 0, 'the last model gone, all blocks are');

# The base's model goes first: its blocks stay, in a rewritten table and in another database too.
$primary->safe_psql('postgres', import_sql('fashion_base') . "SELECT import_model('tuned', '$files[0]', dedup => 'lossless');
	SELECT import_model('low', '$files[2]', $ladder); SELECT drop_model('fashion_base')");
still_the_same($primary, 'postgres', 'without the model of its bases');
$primary->safe_psql('postgres', $_) for 'VACUUM FULL mosaic.block', 'SELECT pack_models()', 'VACUUM mosaic.block';
still_the_same($primary, 'postgres', 'rewritten and packed');
my $dump = "$PostgreSQL::Test::Utils::tmp_check/dump";
$primary->command_ok([ 'pg_dump', '-Fc', '-f', $dump, $primary->connstr('postgres') ], 'pg_dump');
$primary->safe_psql('postgres', 'CREATE DATABASE restored');
$primary->command_ok([ 'pg_restore', '-d', $primary->connstr('restored'), $dump ], 'pg_restore');
still_the_same($primary, 'restored', 'restored');
is($primary->safe_psql('restored', 'SELECT format_version FROM mosaic.storage'), 2, 'restored: the format that has differences');

# Two imports at a time take their turns, with the same bases.
my @sessions = map { $primary->background_psql('restored', on_error_stop => 0) } 1 .. 2;
$sessions[0]->query_safe('BEGIN');
$sessions[0]->query_safe("SELECT count(*) FROM import_model('second', '$files[1]', dedup => 'lossless')");
start_statement($sessions[1], "SELECT count(*) FROM import_model('third', '$files[2]', dedup => 'lossless')");
$sessions[0]->query_safe('COMMIT');
is((finish_statement($sessions[1]))[0], "1\n", 'the second import waited');
$_->quit for @sessions;
still_the_same($primary, 'restored', 'with more of its kind');
is($primary->safe_psql('restored', q{SELECT max(models) FROM mosaic.block_meta WHERE block_id IN (SELECT base FROM mosaic.block_meta)}),
	4, 'four differences to a base');

# A difference that went bad, where the product makes the block: an error, and the right one.
my ($bad, $bad_page, $bad_path, $bytes) = split /\|/, $primary->safe_psql('restored', q{SELECT block_id, (ctid::text::point)[0]::int,
	pg_relation_filepath('mosaic.block'), encode(data, 'hex') FROM mosaic.block WHERE block_id = (SELECT min(block_id) FROM mosaic.block_meta WHERE base IS NOT NULL)});
sub flip
{
	$primary->stop;
	open my $blocks, '+<:raw', $primary->data_dir . "/$bad_path" or die "$bad_path: $!";
	seek $blocks, 8192 * $bad_page, 0;
	read $blocks, my $content, 8192;
	my $at = index($content, pack 'H*', substr($bytes, 0, 64));
	die 'the block is not on its page' if $at < 0;
	seek $blocks, 8192 * $bad_page + $at + 40, 0;
	print $blocks substr($content, $at + 40, 1) ^ "\x01";
	close $blocks;
	$primary->start;
	return;
}
flip();
for my $memory ('32MB', '64kB')
{
	my ($rc, $out, $err) = $primary->psql('restored', "\\set VERBOSITY verbose\nSET pg_mosaic.delta_memory = '$memory';"
		  . join ';', map { (my $p = $predict) =~ s/tuned/$_/; $p } split /\n/, $primary->safe_psql('restored', 'SELECT name FROM mosaic.models'));
	like($err, qr/XX001.*(block $bad is stored as a difference|invalid page)/, "a damaged difference, $memory");
}
flip();

# A page of bases that went bad: what lies on it is missing, and nothing else.
my ($page, $path) = split /\|/, $primary->safe_psql('restored', q{SELECT (ctid::text::point)[0]::int, pg_relation_filepath('mosaic.block')
	FROM mosaic.block WHERE block_id = (SELECT min(base) FROM mosaic.block_meta)});
my $lost = $primary->safe_psql('restored', "SELECT string_agg(block_id::text, ', ') FROM mosaic.block WHERE (ctid::text::point)[0] = $page");
$primary->stop;
open my $file, '+<:raw', $primary->data_dir . "/$path" or die "$path: $!";
seek $file, 8192 * $page + 12, 0;
print $file "\xff\xff";
close $file;
$primary->start;
is($primary->safe_psql('restored', "SELECT count(*) FILTER (WHERE problem = 'damaged page'), count(*) FILTER (WHERE problem = 'missing block') > 0,
	count(*) FILTER (WHERE problem = 'missing block' AND block_id NOT IN ($lost)), count(*) FILTER (WHERE problem = 'wrong count') FROM check_store()"),
	'1|t|0|0', 'a damaged page of bases');

$standby->stop;
$primary->stop;
done_testing();
