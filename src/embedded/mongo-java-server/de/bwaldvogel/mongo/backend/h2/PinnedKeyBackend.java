package de.bwaldvogel.mongo.backend.h2;

import de.bwaldvogel.mongo.MongoDatabase;
import de.bwaldvogel.mongo.backend.CursorRegistry;
import de.bwaldvogel.mongo.backend.Index;
import de.bwaldvogel.mongo.backend.IndexKey;
import java.util.List;
import org.h2.mvstore.MVStore;

/** The H2 back end with {@link PinnedKeyIndex} in place of its own unique index. */
public class PinnedKeyBackend extends H2Backend {
    public PinnedKeyBackend(MVStore store) {
        super(store);
    }

    @Override
    protected MongoDatabase openOrCreateDatabase(String name) {
        return new Database(name, getCursorRegistry());
    }

    private final class Database extends H2Database {
        Database(String name, CursorRegistry cursors) {
            super(name, getMvStore(), cursors);
        }

        // The parent's constructor already calls this, before any field of this class is set:
        // the store must come from the enclosing instance. Map names are those of the original,
        // so a file can be opened with either.
        @Override
        protected Index<Object> openOrCreateUniqueIndex(
                String collection, String name, List<IndexKey> keys, boolean sparse) {
            String map = getFullCollectionNamespace(collection) + "._index_" + name;
            return new PinnedKeyIndex(getMvStore().openMap(map), name, keys, sparse);
        }
    }
}
