# Vectors of pgvector: embed() cast, in a generated column, under an index. Only where that extension is installed.
use strict;
use warnings;
use File::Basename qw(dirname);
use MosaicTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $recipes = dirname(__FILE__) . '/../../docs/recipes/data';
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
sub sql { return $node->safe_psql('postgres', $_[0]); }

sql(qq{
CREATE EXTENSION pg_mosaic;
CREATE EXTENSION vector;
SELECT import_model('reviews', '$recipes/reviews');
CREATE TABLE phrase (id int PRIMARY KEY, subject text, phrase text);
COPY phrase FROM '$recipes/phrases.csv' (FORMAT csv, HEADER);
ANALYZE phrase;
});

# The text, a cast, and what there was: the same numbers, computed in batches.
is(sql("SELECT count(*) FROM phrase WHERE embed('reviews', phrase)::vector(32)::real[] <> embed('reviews', phrase)"), '0', 'the cast keeps all numbers');
like(sql("EXPLAIN SELECT embed('reviews', phrase)::vector(32) FROM phrase"), qr/Custom Scan \(Predict\)/, 'the call within a cast is batched');
my $query = q{ORDER BY embed('reviews', phrase)::vector(32) <=> embed('reviews', 'where to swim')::vector(32), id LIMIT 5};
like(sql("EXPLAIN SELECT id FROM phrase $query"), qr/Sort.*Custom Scan \(Predict\)/s, 'and in an ordering');
is(sql("SELECT count(*) FROM (SELECT subject FROM phrase $query) s WHERE subject = 'water'"), '5', 'what is near in meaning comes first');

# A column that the database fills, and an index over it.
my $content = sql("SELECT content_id('reviews')");
sql(qq{
ALTER TABLE phrase ADD v vector(32) GENERATED ALWAYS AS (embed('$content'::uuid, phrase)::vector(32)) STORED;
CREATE INDEX phrase_v ON phrase USING hnsw (v vector_cosine_ops);
INSERT INTO phrase VALUES (121, 'water', 'We swam in the lake');
});
is(sql("SELECT count(*) FROM phrase WHERE v::real[] IS DISTINCT FROM embed('reviews', phrase)"), '0', 'the column has the vectors');
my $near = q{SELECT id FROM phrase ORDER BY v <=> (SELECT embed('reviews', 'where to swim')::vector(32)) LIMIT 5};
my $found = sql("SET enable_seqscan = off; SET enable_sort = off; $near");
like(sql("SET enable_seqscan = off; SET enable_sort = off; EXPLAIN $near"), qr/Index Scan using phrase_v/, 'the index is used');
is($found, sql("SET enable_indexscan = off; $near"), 'and finds what a scan finds');
sql("SELECT import_model('reviews', '$recipes/reranker', replace => true)");
like(($node->psql('postgres', "INSERT INTO phrase VALUES (122, 'water', 'Waves')"))[2], qr/there is no model with content/, 'without the content no row is written');

done_testing();
