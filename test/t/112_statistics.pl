# Statistics of use: no call of concurrent sessions is lost, also where models come and go; a long statement shows before its
# end; cancelled calls, a crash, a standby.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use MosaicTest;

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', "autovacuum = off\nmax_connections = 30\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_mosaic;' . import_sql('iris') . q{
CREATE FUNCTION stat(name text) RETURNS text LANGUAGE sql AS
$$ SELECT concat_ws(' ', calls, rows, errors) FROM mosaic.stat_models WHERE model = name $$});
my $iris = data('iris');
my $stat = sub { return $node->safe_psql('postgres', "SELECT stat('$_[0]')"); };
my $ask = q{SELECT predict_class('iris', 1, 2, 3, 4)};

$node->pgbench('-c 8 -j 2 -t 50 -n', 0, [qr/processed: 400\/400/], [qr/^$/], 'concurrent calls', { '112_statistics' => "$ask;" });
is($stat->('iris'), '400 400 0', 'every one was counted');

# Entries move when others are freed: nothing is lost, or counted for another model
my @scripts = map {
	my $n = $_;
	join '', map { my $m = "m${n}_$_"; ("SELECT tensors FROM import_model('$m', '$iris'); SELECT predict_class('$m', g, 2, 3, 4) FROM generate_series(1, 3) g;"
			. "$ask;" . ($_ % 4 ? "SELECT drop_model('$m');" : '') . "\n") } 1 .. 60;
} 1 .. 6;
my ($out, $err) = run_sessions($node, @scripts);
is($err, '', 'six sessions import, ask and drop');
is($stat->('iris'), '760 760 0', 'no call is lost');
is($node->safe_psql('postgres', q{SELECT count(*), min(calls), max(calls) FROM mosaic.stat_models WHERE model LIKE 'm%'}), '90|3|3', 'each model has its own');

# A statement that takes long: what it did is seen after a second; cancelled, its call is an error
my $big = "$PostgreSQL::Test::Utils::tmp_check/big.onnx";
write_model($big, 1, [ matmul => 512, 2048 ], [ gemm => 2048, 512 ]);
$node->safe_psql('postgres', "SELECT import_model('big', '$big')");
my $session = $node->background_psql('postgres', on_error_stop => 0);
my $pid = backend_of($session);
start_statement($session, q{SELECT count(predict('big', array_fill((i % 7)::real, '{512}'))) FROM generate_series(1, 1000000) i});
poll_ok($node, q{SELECT rows > 0 AND batched_rows = rows AND seconds > 0.5 FROM mosaic.stat_models WHERE model = 'big'}, 'seen before the end of the statement');
$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
(undef, $err) = finish_statement($session);
like($err, qr/canceling statement/, 'cancelled');
$session->quit;
like($stat->('big'), qr/ [01]$/, 'the call under way is an error at most');

# What is dropped loses its counters, and gets new ones where that was undone in two phases
$node->append_conf('postgresql.conf', "max_prepared_transactions = 2\n");
$node->restart;
is($stat->('iris'), '0 0 0', 'a restart begins anew');
$session = $node->background_psql('postgres');
$session->query_safe(q{SELECT predict_class('m1_4', 1, 2, 3, 4)});
$node->safe_psql('postgres', "BEGIN; SELECT drop_model('m1_4'); PREPARE TRANSACTION 'p'");
$node->safe_psql('postgres', "ROLLBACK PREPARED 'p'");
$session->query_safe(q{SELECT predict_class('m1_4', 1, 2, 3, 4)}) for 1 .. 3;
$session->quit;
is($stat->('m1_4'), '2 2 0', 'a model whose drop was rolled back in two phases is counted anew, from the second statement on');

# A crash
$node->safe_psql('postgres', $ask);
crash($node);
is($stat->('iris'), '0 0 0', 'a crash begins anew');
$node->safe_psql('postgres', $ask);
is($stat->('iris'), '1 1 0', 'and counts on');

# A standby counts its own
$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
$standby->safe_psql('postgres', "$ask; $ask");
is($standby->safe_psql('postgres', q{SELECT stat('iris')}), '2 2 0', 'a standby counts its own');
is($standby->safe_psql('postgres', q{SELECT mosaic.stat_reset(); SELECT stat('iris')}), "\n0 0 0", 'and resets them');
is($stat->('iris'), '1 1 0', 'the primary does not');
done_testing();
