# A pool smaller than the models, and open cursors in many sessions: every query still answers, to the bit.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use MosaicTest;

my $big = "$PostgreSQL::Test::Utils::tmp_check/big.onnx";
write_model($big, 1, [ gather => 2000, 512 ], [ matmul => 512, 1024 ], [ gemm => 1024, 256 ]);    # 7 MB
my @models = qw(fashion_base fashion_dark fashion_noise iris text_classifier encoder_opset17);

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nshared_buffers = 64MB\nmax_connections = 100\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_mosaic;' . import_sql(@models) . "SELECT import_model('big', '$big')");
my $all = predictions(@models);
my %expected;

# What a cursor's rows must be, for each model
my %row = (big => q{md5(predict('big', ARRAY[i, i + 1, 1999 - i])::text)},
	fashion_base => q{md5(predict('fashion_base', array_fill((i % 9 / 9.0)::real, '{784}'))::text)},
	fashion_noise => q{md5(predict('fashion_noise', array_fill((i % 9 / 9.0)::real, '{784}'))::text)});
my @kinds = sort keys %row;
my $rows = 12;
for my $kind (@kinds)
{
	$expected{$kind} = [ split /\n/, $node->safe_psql('postgres', "SELECT $row{$kind} FROM generate_series(1, $rows) i") ];
}
$expected{all} = $node->safe_psql('postgres', $all);

sub held { return $node->safe_psql('postgres', 'SELECT mosaic.pin_shares()'); }

for my $pool ([ '128kB', 4 ], [ '512kB', 10 ], [ '2MB', 20 ], [ '4MB', 30 ])
{
	my ($size, $connections) = @$pool;
	$node->adjust_conf('postgresql.conf', 'shared_buffers', $size);
	$node->restart;
	is($node->safe_psql('postgres', $all), $expected{all}, "$size: a single session");

	# Every session opens a cursor on a model, most of which do not fit, and leaves it open.
	my @sessions = map { $node->background_psql('postgres', on_error_stop => 0) } 1 .. $connections;
	my (@faults, $fetched);
	for my $n (0 .. $#sessions)
	{
		my $kind = $kinds[ $n % @kinds ];
		$sessions[$n]->query("BEGIN; DECLARE c CURSOR FOR SELECT $row{$kind} FROM generate_series(1, $rows) i");
		push @faults, $sessions[$n]{stderr} if $sessions[$n]{stderr} ne '';
	}
	for my $round (1 .. 3)
	{
		for my $n (0 .. $#sessions)
		{
			my $kind = $kinds[ $n % @kinds ];
			my $got = $sessions[$n]->query('FETCH 2 FROM c');
			push @faults, $sessions[$n]{stderr} if $sessions[$n]{stderr} ne '';
			$sessions[$n]{stderr} = '';
			my $wanted = join "\n", @{ $expected{$kind} }[ 2 * $round - 2, 2 * $round - 1 ];
			push @faults, "session $n, round $round: other bits" if $got ne $wanted;
			$fetched++;
		}
	}
	is(join("\n", @faults), '', "$size: $fetched fetches by $connections open cursors");
	note "SHARES of the pool held at $size: ", held();
	is($node->safe_psql('postgres', $all), $expected{all}, "$size: and another session's query");
	is($node->safe_psql('postgres', "SELECT count(*) FROM import_model('more', '" . data('fashion_shoes') . "')"),
		'1', "$size: and an import");

	# All at once
	start_statement($_, 'FETCH ALL FROM c') for @sessions;
	@faults = ();
	for my $n (0 .. $#sessions)
	{
		my $kind = $kinds[ $n % @kinds ];
		my ($out, $err) = finish_statement($sessions[$n]);
		push @faults, $err if $err ne '';
		push @faults, "session $n: other bits" if $out ne join("\n", @{ $expected{$kind} }[ 6 .. $rows - 1 ]) . "\n";
	}
	is(join("\n", @faults), '', "$size: the cursors read to their end at once");

	$node->safe_psql('postgres', "SELECT drop_model('more')");
	$_->query_safe('COMMIT') for @sessions;
	is(held(), '0', "$size: no share is held after the transactions");
	is( $node->safe_psql('postgres', q{SET statement_timeout = '30s'; VACUUM (FREEZE) mosaic.block;
			SELECT relfrozenxid::text::int8 > (SELECT min(backend_xmin::text::int8) FROM pg_stat_activity) - 50 FROM pg_class WHERE oid = 'mosaic.block'::regclass}),
		't', "$size: VACUUM FREEZE goes through");
	$_->quit for @sessions;
	is($node->safe_psql('postgres', $all), $expected{all}, "$size: predictions afterwards");
}

# Parallel workers, and several models in one query, in the small pool
$node->adjust_conf('postgresql.conf', 'shared_buffers', '2MB');
$node->restart;
$node->safe_psql('postgres', 'CREATE TABLE item AS SELECT i FROM generate_series(1, 3000) i');
my $sum = join '; ', map { "SELECT md5(string_agg(x, ',' ORDER BY i)) FROM (SELECT i, $row{$_} AS x FROM item WHERE i <= 200) t" } @kinds;
my $serial = $node->safe_psql('postgres', "SET max_parallel_workers_per_gather = 0; $sum");
my $parallel = 'SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 4;';
like($node->safe_psql('postgres', "$parallel EXPLAIN SELECT $row{big} FROM item"), qr/Gather/, 'a parallel plan');
is($node->safe_psql('postgres', "$parallel $sum"), $serial, 'parallel workers in a small pool');
$node->stop;
is((grep { /no unpinned buffers|PANIC|TRAP|out of shared memory/ } split /\n/, slurp_file($node->logfile)), 0, 'nothing of that in the log');
unlink $big;
done_testing();
