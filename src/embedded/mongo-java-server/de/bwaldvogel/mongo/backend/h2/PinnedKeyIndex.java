package de.bwaldvogel.mongo.backend.h2;

import de.bwaldvogel.mongo.backend.IndexKey;
import de.bwaldvogel.mongo.backend.KeyValue;
import de.bwaldvogel.mongo.bson.Document;
import java.util.List;
import org.h2.mvstore.MVMap;

/**
 * A unique index that serves every filter that pins all of its keys, whatever else the filter says.
 *
 * The original insists that the filter has no other key, so that a conditional update such as
 * {@code {_id, status}} reads the whole collection. What an index returns is matched against the
 * complete filter afterwards, hence a superset is as right as an exact answer.
 */
final class PinnedKeyIndex extends H2UniqueIndex {
    PinnedKeyIndex(MVMap<KeyValue, Object> map, String name, List<IndexKey> keys, boolean sparse) {
        super(map, name, keys, sparse);
    }

    @Override
    public synchronized boolean canHandle(Document filter) {
        return filter.keySet().containsAll(keySet()) && super.canHandle(onlyKeys(filter));
    }

    @Override
    public synchronized Iterable<Object> getPositions(Document filter) {
        return super.getPositions(onlyKeys(filter));
    }

    private Document onlyKeys(Document filter) {
        Document pinned = new Document();
        for (String key : keys()) {
            pinned.put(key, filter.get(key));
        }
        return pinned;
    }
}
