# Roles that are missing where models are restored: no model is lost, and none goes to whoever has the old role's number.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use MosaicTest;

my @models = qw(iris text_classifier encoder_opset17);
my $tmp = $PostgreSQL::Test::Utils::tmp_check;
my $digest = predictions(@models);
my $owners = q{SELECT string_agg(concat_ws(' ', name, owner, readers), ', ' ORDER BY name) FROM mosaic.model};
my $domains = q{SELECT string_agg(concat_ws(' ', nullif(name, ''), owner), ', ' ORDER BY domain_id) FROM mosaic.domain};

my $node = PostgreSQL::Test::Cluster->new('source');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE ROLE lost; CREATE ROLE alice; CREATE ROLE "lost too"; CREATE DATABASE source');
$node->safe_psql('source', 'CREATE EXTENSION pg_mosaic;' . import_sql(@models));
for my $role ('lost', 'alice', '"lost too"')
{
	my $name = 'm_' . $role =~ tr/" //dr;
	$node->safe_psql('source', "SELECT import_model('$name', '" . data('iris') . qq{');
		SELECT change_model_owner('$name', '$role');
		SELECT import_model('$name in lab', '} . data('iris') . qq{', domain => '$name lab');
		SELECT change_model_owner('$name in lab', '$role')});
}
$node->safe_psql('source', q{SELECT grant_model('m_alice', 'lost'), grant_model('m_alice', '"lost too"'), grant_model('m_lost', 'alice'), grant_model('iris', 0), grant_model('m_lost in lab', 'lost')});
$node->safe_psql('source', q{SELECT mosaic.grant_import('alice'), mosaic.grant_admin('alice'), mosaic.grant_import('lost')});
my $me = $node->safe_psql('source', 'SELECT current_user');
is($node->safe_psql('source', $owners),
	"encoder_opset17 $me {}, iris $me {-}, m_alice alice {lost,\"\\\"lost too\\\"\"}, m_alice in lab alice {}, m_lost lost {alice}, "
	  . "m_lost in lab lost {lost}, m_losttoo \"lost too\" {}, m_losttoo in lab \"lost too\" {}, text_classifier $me {}", 'owners and readers');
is($node->safe_psql('source', $domains),
	"$me, m_lost lab lost, m_alice lab alice, m_losttoo lab \"lost too\"", 'domains');
# and each has a default one
$node->safe_psql('source', "UPDATE mosaic.domain SET name = '' WHERE name = 'm_losttoo lab'");
my $expected = $node->safe_psql('source', $digest);
my $number = $node->safe_psql('source', q{SELECT 'lost'::regrole::oid});
$node->command_ok([ 'pg_dump', '-d', $node->connstr('source'), '-f', "$tmp/plain.sql" ], 'pg_dump, plain');
$node->command_ok([ 'pg_dump', '-Fc', '-d', $node->connstr('source'), '-f', "$tmp/custom.dump" ], 'pg_dump, custom');
my $plain = slurp_file("$tmp/plain.sql");
unlike($plain, qr/\b$number\b/, 'a dump has no number of a role');

# Dependencies go with a database
$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE source');
$node->safe_psql('postgres', 'DROP DATABASE source');
my ($rc, $out, $err) = $node->psql('postgres', 'DROP ROLE lost');
like($err, qr/role "lost" cannot be dropped because some objects depend on it\nDETAIL:  \d+ objects in database copy/, 'a copied database holds its roles');
$node->safe_psql('copy', 'DROP EXTENSION pg_mosaic CASCADE');
$node->safe_psql('postgres', 'DROP ROLE lost; DROP ROLE "lost too"');
pass('without the extension they can be dropped');

# Another cluster, where alice is, and another role has the number
my $other = PostgreSQL::Test::Cluster->new('other');
$other->init(allows_streaming => 'logical');
$other->start;
$other->safe_psql('postgres', 'CREATE ROLE mallory; CREATE ROLE alice');
is($other->safe_psql('postgres', q{SELECT 'mallory'::regrole::oid}), $number, 'another role has the number');
my $restored = "encoder_opset17 $me {}, iris $me {-}, m_alice alice {}, m_alice in lab alice {}, m_lost $me {alice}, m_lost in lab $me {}, "
  . "m_losttoo $me {}, m_losttoo in lab $me {}, text_classifier $me {}";

sub is_restored
{
	my ($db, $name) = @_;
	is($other->safe_psql($db, $owners), $restored, "$name: what the missing roles had is the restoring role's");
	is($other->safe_psql($db, $domains), "$me, m_lost lab $me, m_alice lab alice, $me", "$name: domains likewise");
	is($other->safe_psql($db, $digest), $expected, "$name: predictions bit-identical");
	store_is_sound($other, $db, $name);
	my %may = (mallory => 'f', alice => 't');
	for my $role (sort keys %may)
	{
		($rc, $out, $err) = $other->psql($db, "SET ROLE $role; SELECT predict_class('m_lost', 5.1, 3.5, 1.4, 0.2) IS NOT NULL");
		is($rc == 0 ? 't' : $err =~ /permission denied for model "m_lost"/ ? 'f' : $err, $may{$role}, "$name: $role may predict: $may{$role}");
	}
	($rc, $out, $err) = $other->psql($db, 'DROP ROLE alice');
	like($err, qr/privileges for column owner of table mosaic.model/, "$name: what is restored holds its roles");
	$other->safe_psql($db, "SELECT drop_model('m_lost'); SELECT import_model('m_lost', '" . data('iris') . "'); SELECT drop_model('m_lost in lab')");
	store_is_sound($other, $db, "$name, changed");
	return;
}

sub warnings_of { my ($stderr) = @_; return join '; ', sort $stderr =~ /WARNING:  role (.* does not exist)/g; }

$other->safe_psql('postgres', 'CREATE DATABASE plain; CREATE DATABASE custom; CREATE DATABASE numbers; CREATE DATABASE logical');
($out, $err) = run_command([ 'psql', '-X', '-q', '-d', $other->connstr('plain'), '-f', "$tmp/plain.sql" ]);
is(warnings_of($err), '"lost too" does not exist; "lost" does not exist', 'plain: one warning for each role');
is(join("\n", grep { /ERROR/ && !/ERROR:  role "lost" does not exist$/ } split /\n/, $err), '', 'plain: no error but for the functions that a missing role was granted');
is($other->safe_psql('plain', q{SELECT has_function_privilege('alice', 'drop_model(text)', 'execute'), has_function_privilege('alice', 'check_store()', 'execute'),
	has_table_privilege('alice', 'mosaic.storage', 'select'), has_function_privilege('mallory', 'drop_model(text)', 'execute')}), 't|t|t|f', 'plain: grants are dumped');
is_restored('plain', 'plain');
($out, $err) = run_command([ 'pg_restore', '--no-owner', '--no-privileges', '-v', '-j2', '-d', $other->connstr('custom'), "$tmp/custom.dump" ]);
unlike($err, qr/ERROR/, 'pg_restore --no-owner: no error');
# A session says it once of each role, and -j2 has two that take data; pg_restore says it with -v.
my %said;
$said{$_}++ for $err =~ /WARNING:  role (".*") does not exist/g;
is(join(' ', sort keys %said), '"lost too" "lost"', 'pg_restore -j2: the missing roles are named');
is(join(' ', grep { $said{$_} > 2 } sort keys %said), '', 'once in a session') or diag($err);
is(scalar(() = $err =~ /WARNING: /g), $said{'"lost"'} + $said{'"lost too"'}, 'and nothing else is warned of') or diag($err);
is_restored('custom', 'custom');

# What 0.1.0 wrote for a role that was gone: its number
my $numbers = $plain =~ s/\tlost\t/\t$number\t/gr;
isnt($numbers, $plain, 'a dump with a bare number');
append_to_file("$tmp/numbers.sql", $numbers);
($out, $err) = run_command([ 'psql', '-X', '-q', '-d', $other->connstr('numbers'), '-f', "$tmp/numbers.sql" ]);
is_restored('numbers', 'numbers');

# Rows alone, with triggers off: what is nobody's waits for a superuser
$other->safe_psql('postgres', 'CREATE DATABASE rows');
$other->safe_psql('rows', 'CREATE EXTENSION pg_mosaic');
($out, $err) = run_command([ 'pg_restore', '-a', '--disable-triggers', '-d', $other->connstr('rows'), "$tmp/custom.dump" ]);
unlike($err, qr/ERROR/, 'rows alone: no error');
($rc, $out, $err) = $other->psql('rows', "SET ROLE mallory; SELECT predict_class('m_lost', 5.1, 3.5, 1.4, 0.2)");
like($err, qr/permission denied for model "m_lost"/, 'rows alone: nobody may');
is($other->safe_psql('rows', q{SELECT problem, count(*) FROM check_store() WHERE problem <> 'stale places' GROUP BY 1 ORDER BY 1}),
	"missing dependency|3\nunknown role|8", 'rows alone: check_store() tells');
is($other->safe_psql('rows', 'SELECT reassign_models(NULL, current_user::regrole), revoke_models(NULL)'), '4|2', 'rows alone: given to the superuser');
is_restored('rows', 'rows alone');

# The binary form of COPY has names, too
$other->safe_psql('plain', qq{COPY mosaic.model TO '$tmp/model.bin' (FORMAT binary); CREATE TABLE copied (LIKE mosaic.model); COPY copied FROM '$tmp/model.bin' (FORMAT binary)});
is($other->safe_psql('plain', 'SELECT count(*) FROM (TABLE copied EXCEPT TABLE mosaic.model) x'), '0', 'binary COPY, the same');
like(slurp_file("$tmp/model.bin"), qr/alice/, 'with names');

# Logical replication: its rows hold their roles, too
$other->safe_psql('plain', 'CREATE PUBLICATION p FOR TABLE mosaic.model, mosaic.domain');
$other->safe_psql('plain', q{SELECT pg_create_logical_replication_slot('s', 'pgoutput')});
$other->safe_psql('logical', 'CREATE EXTENSION pg_mosaic; CREATE SUBSCRIPTION s CONNECTION $c$' . $other->connstr('plain') . '$c$ PUBLICATION p WITH (create_slot = false, slot_name = s)');
ok($other->poll_query_until('logical', "SELECT count(*) = 8 FROM mosaic.model WHERE owner = 'alice'::regrole OR owner = '$me'::regrole"), 'replicated');
is($other->safe_psql('logical', 'SELECT count(*) FROM check_store() WHERE problem IN (\'unknown role\', \'missing dependency\')'), '0', 'logical replication: owners are held');
$other->safe_psql('plain', "SELECT change_model_owner('m_alice', 'mallory')");
ok($other->poll_query_until('logical', "SELECT owner = 'mallory'::regrole FROM mosaic.model WHERE name = 'm_alice'"), 'a change of owner is replicated');
is($other->safe_psql('logical', 'SELECT count(*) FROM check_store() WHERE problem IN (\'unknown role\', \'missing dependency\')'), '0', 'and held');
$other->safe_psql('logical', 'DROP SUBSCRIPTION s');

# A standby: rights follow, what changes them is refused
$other->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($other, 'base', has_streaming => 1);
$standby->start;
$other->wait_for_catchup($standby);
my $mallory = "SET ROLE mallory; SELECT predict_class('m_alice', 5.1, 3.5, 1.4, 0.2)";
is($standby->safe_psql('plain', $mallory), '0', 'standby: the new owner may');
my %refused = (
	change_model_owner => "SELECT change_model_owner('m_alice', 'alice')",
	reassign_models => "SELECT reassign_models('alice', 'mallory')",
	revoke_models => "SELECT revoke_models('alice')",
	grant_model => "SELECT grant_model('m_alice', 'alice')");
for my $function (sort keys %refused)
{
	($rc, $out, $err) = $standby->psql('plain', "\\set VERBOSITY sqlstate\n$refused{$function}");
	is($err, 'psql:<stdin>:2: ERROR:  25006', "standby: $function is refused with 25006");
}
my $session = $standby->background_psql('plain', on_error_stop => 0);
is($session->query_safe($mallory), '0', 'standby: a session with plans');
$other->safe_psql('plain', "SELECT reassign_models('mallory', 'alice')");
$other->wait_for_catchup($standby);
$session->query("SELECT predict_class('m_alice', 5.1, 3.5, 1.4, 0.2)");
like($session->{stderr}, qr/permission denied for model "m_alice"/, 'standby: and no longer, when the owner changes');
is($standby->safe_psql('plain', "SET ROLE alice; SELECT predict_class('m_alice', 5.1, 3.5, 1.4, 0.2)"), '0', 'standby: but the next one');
is($standby->safe_psql('plain', 'SELECT count(*) FROM check_store() WHERE problem <> \'stale places\''), '0', 'standby: check_store()');
$session->quit;
$standby->promote;
($rc, $out, $err) = $standby->psql('plain', 'DROP ROLE alice');
like($err, qr/privileges for column owner of table mosaic.model/, 'a promoted standby holds its roles');
$standby->stop;
$other->stop;
$node->stop;
done_testing();
