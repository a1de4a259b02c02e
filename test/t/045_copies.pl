# Copies of the files: templates, another tablespace, a copied data directory. The same bits, places found anew.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use MosaicTest;

my @models = qw(fashion_base fashion_dark iris text_classifier);
my $digest = predictions(@models);
my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', "autovacuum = off\n");
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE source');
$node->safe_psql('source', 'CREATE EXTENSION pg_mosaic;'
	  . "SELECT import_model('gone', '" . data('fashion_shoes') . "');" . import_sql(@models)
	  . "SELECT drop_model('gone');");
my $expected = $node->safe_psql('source', $digest);

# same_as_source NODE, DATABASE, NAME: predictions, the store, and that it can be written to.
sub same_as_source
{
	my ($server, $db, $name) = @_;
	is($server->safe_psql($db, $digest), $expected, "$name: predictions bit-identical");
	store_is_sound($server, $db, $name);
	is($server->safe_psql($db, "SELECT blocks = blocks_shared FROM import_model('again', '" . data('fashion_base') . "')"),
		't', "$name: a known model shares all its blocks");
	$server->safe_psql($db, q{SELECT drop_model('again')});
	return;
}

# A database made of another one, both ways; what happens in the copy is the copy's business.
for my $strategy ('wal_log', 'file_copy')
{
	$node->safe_psql('postgres', "CREATE DATABASE $strategy TEMPLATE source STRATEGY $strategy");
	same_as_source($node, $strategy, "template, $strategy");
	$node->safe_psql($strategy, q{SELECT drop_model('fashion_base')});
	$node->safe_psql($strategy, 'VACUUM FULL mosaic.block');
	is($node->safe_psql('source', $digest), $expected, "$strategy: the source stays as it is");
}

# Another tablespace, under a session that remembers where blocks lay; then packed, and back.
my $tablespace = PostgreSQL::Test::Utils::tempdir();
$node->safe_psql('postgres', "CREATE TABLESPACE elsewhere LOCATION '$tablespace'");
my $cached = $node->background_psql('source', on_error_stop => 0);
is($cached->query_safe($digest), $expected, 'a session with plans');
for my $to ('elsewhere', 'pg_default')
{
	$node->safe_psql('source', "ALTER TABLE mosaic.$_ SET TABLESPACE $to") for qw(block block_meta tensor model);
	$node->safe_psql('source', "ALTER INDEX mosaic.block_pkey SET TABLESPACE $to");
	is($cached->query_safe($digest), $expected, "$to: session with plans");
	same_as_source($node, 'source', $to);
	$node->safe_psql('source', 'SELECT count(*) FROM pack_models()');
	$node->safe_psql('source', 'VACUUM mosaic.block');
	is($cached->query_safe($digest), $expected, "$to, packed and vacuumed: session with plans");
}
$cached->quit;
$node->safe_psql('postgres', 'ALTER DATABASE source SET TABLESPACE elsewhere');
same_as_source($node, 'source', 'ALTER DATABASE SET TABLESPACE');
$node->safe_psql('postgres', $_) for 'ALTER DATABASE source SET TABLESPACE pg_default', 'DROP TABLESPACE elsewhere';

# The files of the data directory, while the server runs and when it is stopped.
$node->backup('online');
my $online = PostgreSQL::Test::Cluster->new('online');
$online->init_from_backup($node, 'online');
$online->start;
same_as_source($online, 'source', 'pg_basebackup');
$online->stop;
$node->stop;
$node->backup_fs_cold('cold');
my $cold = PostgreSQL::Test::Cluster->new('cold');
$cold->init_from_backup($node, 'cold');
$cold->start;
same_as_source($cold, 'source', 'copied files');
$cold->stop;
done_testing();
