package de.bwaldvogel.mongo.backend.h2;

import de.bwaldvogel.mongo.MongoCollection;
import de.bwaldvogel.mongo.backend.EmptyIndex;
import de.bwaldvogel.mongo.backend.IndexKey;
import de.bwaldvogel.mongo.backend.Utils;
import de.bwaldvogel.mongo.bson.Document;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.NavigableSet;
import java.util.Objects;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicLong;

/**
 * An index that is not unique: documents in the order of its keys, in memory only, made of the collection
 * when a filter first asks for it. The original accepts such an index and never uses it, so that every
 * filter by anything but a unique key reads the whole collection. Reads may come at the same time, a write
 * comes alone: the launcher sees to that.
 *
 * Each entry is the values of the keys and, last, the document's place in the collection. A document has
 * several when its first key is a list. While a document has values that have no order here, or a place
 * that is no text, the index serves nothing.
 */
final class SortedIndex extends EmptyIndex<Object> {
    /** Of all indexes together, some 120 MB. Whoever has so many is better off with a real MongoDB, and slow here. */
    private static final long MOST_ENTRIES = 1_000_000;

    private static final AtomicLong allEntries = new AtomicLong();

    private enum State { EMPTY, KEPT, GIVEN_UP }

    private final List<String> paths;
    private final boolean leavesOutMissing;
    private final TreeSet<Object[]> entries = new TreeSet<>(IndexKeys::compare);
    private State state = State.EMPTY;
    private int unfit;
    private int lists;

    SortedIndex(String name, List<IndexKey> keys, boolean sparse) {
        super(name, keys);
        this.paths = keys();
        this.leavesOutMissing = sparse;
    }

    /** So that nobody fills it before it is needed. */
    @Override
    public boolean isEmpty() {
        return false;
    }

    /** From now on it is told of every document. @return false when that was so before. */
    boolean begin() {
        boolean begins = state == State.EMPTY;
        state = begins ? State.KEPT : state;
        return begins;
    }

    @Override
    public void add(Document document, Object position, MongoCollection<Object> collection) {
        if (state != State.KEPT) {
            return;
        }
        entriesOf(document, position, 1).forEach(this::enter);
        if (allEntries.get() > MOST_ENTRIES) {
            drop();
            state = State.GIVEN_UP;
        }
    }

    private void enter(Object[] entry) {
        Object[] below = entries.floor(entry);
        if (below != null && Objects.equals(below[0], entry[0])) {
            // One copy of a value is enough.
            entry[0] = below[0];
        }
        allEntries.addAndGet(entries.add(entry) ? 1 : 0);
    }

    @Override
    public Object remove(Document document) {
        leave(document, document.get("_id"));
        return null;
    }

    @Override
    public void updateInPlace(
            Document before, Document after, Object position, MongoCollection<Object> collection) {
        leave(before, position);
        add(after, position, collection);
    }

    private void leave(Document document, Object position) {
        if (state == State.KEPT) {
            entriesOf(document, position, -1).forEach(entry -> allEntries.addAndGet(entries.remove(entry) ? -1 : 0));
        }
    }

    @Override
    public void drop() {
        allEntries.addAndGet(-entries.size());
        entries.clear();
        state = State.EMPTY;
    }

    /** @return where a filter's documents would be in here; null when it does not bind the first key. */
    IndexBounds boundsOf(Document filter) {
        IndexBounds bounds = IndexBounds.of(filter, paths);
        return bounds == null || (leavesOutMissing && bounds.asksForMissing()) ? null : bounds;
    }

    /** @return false when the filter with these bounds must be answered without this index. */
    boolean serves(IndexBounds bounds) {
        // Of a list, one element may be above the lower end and another one below the upper end.
        return state == State.KEPT && unfit == 0 && (lists == 0 || !bounds.ranged);
    }

    /** Places in the order in which the collection itself would have come to them. */
    Collection<Object> positions(IndexBounds bounds) {
        Collection<Object> positions = new TreeSet<>();
        for (IndexBounds.Stretch stretch : bounds.stretches) {
            within(stretch).forEach(entry -> positions.add(entry[paths.size()]));
        }
        return positions;
    }

    /**
     * Places in the order that is asked for, found one by one as they are taken.
     * @return null when the entries are in another order.
     */
    Iterable<Object> inOrder(IndexBounds bounds, Document order) {
        int direction = directionOf(bounds, order);
        if (direction == 0) {
            return null;
        }
        NavigableSet<Object[]> within = within(bounds.stretches.get(0));
        NavigableSet<Object[]> turned = direction > 0 ? within : within.descendingSet();
        return () -> turned.stream().map(entry -> entry[paths.size()]).iterator();
    }

    private int directionOf(IndexBounds bounds, Document order) {
        List<Object> directions = order.values().stream().distinct().toList();
        boolean uniform = directions.size() == 1 && directions.get(0) instanceof Number;
        if (!uniform || bounds.stretches.size() != 1 || lists > 0) {
            return 0;
        }
        List<String> rest = throughId(paths.subList(bounds.pinned, paths.size()));
        boolean same = throughId(order.keySet()).equals(rest);
        return same ? ((Number) directions.get(0)).intValue() : 0;
    }

    /** No two documents are equal in these: entries with equal keys are in the order of their places, which are ids. */
    private static List<String> throughId(Collection<String> keys) {
        List<String> through = new ArrayList<>(keys);
        if (!through.contains("_id")) {
            through.add("_id");
        }
        return through.subList(0, through.indexOf("_id") + 1);
    }

    private NavigableSet<Object[]> within(IndexBounds.Stretch stretch) {
        boolean none = IndexKeys.compare(stretch.from(), stretch.to()) > 0;
        return none ? Collections.emptyNavigableSet() : entries.subSet(stretch.from(), true, stretch.to(), true);
    }

    /** Counts a document that is not fit by `one`, and it has no entries; a list is counted too. */
    private List<Object[]> entriesOf(Document document, Object position, int one) {
        Object first = Utils.getSubdocumentValueCollectionAware(document, paths.get(0));
        lists += first instanceof Collection ? one : 0;
        Collection<?> values = first instanceof Collection<?> list ? list : Collections.singletonList(first);
        List<Object[]> found = new ArrayList<>();
        for (Object value : values) {
            Object[] entry = new Object[paths.size() + 1];
            entry[0] = IndexKeys.of(value);
            for (int i = 1; i < paths.size(); i++) {
                entry[i] = IndexKeys.of(Utils.getSubdocumentValueCollectionAware(document, paths.get(i)));
            }
            entry[paths.size()] = position instanceof String ? position : IndexKeys.UNFIT;
            if (Arrays.asList(entry).contains(IndexKeys.UNFIT)) {
                unfit += one;
                return List.of();
            }
            if (entry[0] != null || !leavesOutMissing) {
                found.add(entry);
            }
        }
        return found;
    }
}
