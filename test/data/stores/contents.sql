-- What a store of store.sql holds: a line for each prediction, then a digest of the blocks and of who may do what.
SELECT concat_ws('|', 'predict', name, i, CASE
    WHEN name LIKE 'encoder%' THEN predict(name, (SELECT array_agg(1 + i * j % 60 ORDER BY j) FROM generate_series(1, i) j))
    WHEN name IN ('text_classifier', 'bounded', 'measured') THEN predict(name, (SELECT array_agg(i * j % 2000 ORDER BY j) FROM generate_series(1, i) j))
    ELSE predict(name, ARRAY[i % 7, i % 5, i % 3, i % 2]::real[]) END)
  FROM (SELECT name FROM mosaic.models WHERE name <> 'two_inputs') m, generate_series(1, 12) i ORDER BY name, i;
SELECT concat_ws('|', 'predict', 'two_inputs', i, v ->> 'score', v ->> 'hidden')
  FROM generate_series(1, 12) i, predict('two_inputs', jsonb_build_object('item', ARRAY[i], 'context', ARRAY[[i % 7, i % 5, i % 3]])) v ORDER BY i;
SELECT concat_ws('|', 'blocks', count(*), md5(string_agg(block_id || md5(data), ',' ORDER BY block_id))) FROM mosaic.block;
SELECT concat_ws('|', 'model', name, owner, coalesce(domain, '-'), parameters, tensors, blocks, weight_dtype) FROM mosaic.models ORDER BY name;
SELECT concat_ws('|', 'dedup', count(*), md5(string_agg(l, ',' ORDER BY l)))
  FROM (SELECT concat_ws('|', model, tensor, block, partner, similarity, accepted, reason) AS l FROM mosaic.dedup_log) d;
SELECT concat_ws('|', 'import', r, bool_and(has_function_privilege(r, p.oid, 'EXECUTE')))
  FROM pg_proc p, unnest(ARRAY['alice', 'bob']) r WHERE proname = 'import_model' AND NOT 'labels' = ANY (proargnames) GROUP BY r ORDER BY r;
