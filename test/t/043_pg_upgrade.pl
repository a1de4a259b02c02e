# pg_upgrade carries models over, to the bit; what keeps their owners from being dropped comes back with the first grant.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use MosaicTest;

my @models = qw(fashion_base iris text_classifier);
my $digest = predictions(@models);
my $old = PostgreSQL::Test::Cluster->new('old');
$old->init;
$old->start;
$old->safe_psql('postgres', 'CREATE ROLE alice; CREATE ROLE bob; CREATE ROLE carol');
$old->safe_psql('postgres', 'CREATE EXTENSION pg_mosaic; SELECT mosaic.grant_import(\'alice\');' . import_sql(@models)
	  . q{SELECT change_model_owner(m, 'alice'), grant_model(m, 'bob') FROM unnest('{fashion_base,iris,text_classifier}'::text[]) m});
my $expected = $old->safe_psql('postgres', $digest);
my $models = 'SELECT string_agg(concat_ws(\' \', name, model_id, owner, readers), \', \' ORDER BY name) FROM mosaic.model';
my $was = $old->safe_psql('postgres', $models);
$old->stop;

my $new = PostgreSQL::Test::Cluster->new('new');
$new->init;
pg_upgrade_ok($old, $new);
$new->start;
is($new->safe_psql('postgres', $digest), $expected, 'predictions bit-identical');
is($new->safe_psql('postgres', $models), $was, 'the same owners and readers');
is($new->safe_psql('postgres', q{SELECT problem, detail FROM check_store() ORDER BY 2}),
	qq{missing dependency|role "alice" owns models, and could be dropped\nmissing dependency|role "alice" owns sharing domains, and could be dropped\n}
	  . 'missing dependency|role "bob" was granted models, and could be dropped', 'check_store() says what is missing');
$new->safe_psql('postgres', q{SET ROLE alice; SELECT grant_model('iris', 'carol')});
is($new->safe_psql('postgres', q{SELECT problem, detail FROM check_store()}), '', 'a grant brings all of it back');
my ($rc, $out, $err) = $new->psql('postgres', 'DROP ROLE alice');
like($err, qr/privileges for column owner of table mosaic.model/, 'owners cannot be dropped');
($rc, $out, $err) = $new->psql('postgres', 'DROP ROLE bob');
like($err, qr/privileges for column readers of table mosaic.model/, 'nor readers');
store_is_sound($new, 'postgres', 'upgraded');
$new->stop;
done_testing();
