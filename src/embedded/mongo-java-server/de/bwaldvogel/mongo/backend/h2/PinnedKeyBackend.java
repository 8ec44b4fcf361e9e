package de.bwaldvogel.mongo.backend.h2;

import de.bwaldvogel.mongo.MongoCollection;
import de.bwaldvogel.mongo.MongoDatabase;
import de.bwaldvogel.mongo.backend.CollectionOptions;
import de.bwaldvogel.mongo.backend.CursorRegistry;
import de.bwaldvogel.mongo.backend.Index;
import de.bwaldvogel.mongo.backend.IndexKey;
import de.bwaldvogel.mongo.bson.Document;
import java.util.List;
import org.h2.mvstore.MVMap;
import org.h2.mvstore.MVStore;

/** The H2 back end with {@link PinnedKeyIndex} and {@link SortedIndex} in place of its own indexes. */
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

        @Override
        protected Index<Object> openOrCreateSecondaryIndex(
                String collection, String name, List<IndexKey> keys, boolean sparse) {
            return new SortedIndex(name, keys, sparse);
        }

        @Override
        protected MongoCollection<Object> openOrCreateCollection(String name, CollectionOptions options) {
            String full = getFullCollectionNamespace(name);
            MVMap<Object, Document> documents = getMvStore().openMap("databases." + full);
            MVMap<String, Object> meta = getMvStore().openMap("meta." + full);
            return new IndexedCollection(this, name, options, documents, meta, cursorRegistry);
        }
    }
}
