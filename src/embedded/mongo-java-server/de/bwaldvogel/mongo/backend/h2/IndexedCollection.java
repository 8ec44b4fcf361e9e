package de.bwaldvogel.mongo.backend.h2;

import de.bwaldvogel.mongo.MongoDatabase;
import de.bwaldvogel.mongo.backend.CollectionOptions;
import de.bwaldvogel.mongo.backend.CursorRegistry;
import de.bwaldvogel.mongo.backend.Index;
import de.bwaldvogel.mongo.backend.QueryResult;
import de.bwaldvogel.mongo.bson.Document;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.h2.mvstore.MVMap;

/** A collection that answers with that one of its indexes that leaves the fewest documents to look at. */
final class IndexedCollection extends H2Collection {
    IndexedCollection(
            MongoDatabase database,
            String name,
            CollectionOptions options,
            MVMap<Object, Document> documents,
            MVMap<String, Object> meta,
            CursorRegistry cursors) {
        super(database, name, options, documents, meta, cursors);
    }

    @Override
    protected QueryResult queryDocuments(
            Document filter, Document order, int skip, int limit, int batchSize, Document fields) {
        Choice choice = isNaturalDescending(order) ? null : narrowest(filter);
        if (choice == null) {
            return super.queryDocuments(filter, order, skip, limit, batchSize, fields);
        }
        boolean anyOrder = order == null || order.isEmpty();
        Iterable<Object> inOrder = anyOrder ? null : choice.index.inOrder(choice.bounds, order);
        return inOrder == null
                ? matchDocuments(filter, choice.index.positions(choice.bounds), order, skip, limit, batchSize, fields)
                : matchDocuments(filter, inOrder, null, skip, limit, batchSize, fields);
    }

    private record Choice(SortedIndex index, IndexBounds bounds) {}

    /** @return null when a unique index finds the document, and when no index knows where to look. */
    private Choice narrowest(Document filter) {
        List<Choice> choices = new ArrayList<>();
        for (Index<Object> index : getIndexes()) {
            if (index instanceof SortedIndex sorted) {
                IndexBounds bounds = sorted.boundsOf(filter);
                if (bounds != null) {
                    choices.add(new Choice(sorted, bounds));
                }
            } else if (index.canHandle(filter)) {
                return null;
            }
        }
        if (!choices.isEmpty()) {
            fillIndexes();
        }
        return choices.stream()
                .sorted(Comparator.comparingInt((Choice choice) -> choice.bounds.narrowness()).reversed())
                .filter(choice -> choice.index.serves(choice.bounds))
                .findFirst()
                .orElse(null);
    }

    /** All of them in one go, since what costs time is to read the documents. */
    private synchronized void fillIndexes() {
        List<SortedIndex> begun = getIndexes().stream()
                .filter(index -> index instanceof SortedIndex sorted && sorted.begin())
                .map(SortedIndex.class::cast)
                .toList();
        if (!begun.isEmpty()) {
            streamAllDocumentsWithPosition()
                    .forEach(each -> begun.forEach(index -> index.add(each.getDocument(), each.getPosition(), this)));
        }
    }
}
