package de.bwaldvogel.mongo.backend.h2;

import de.bwaldvogel.mongo.bson.Document;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.List;

/**
 * The stretches of an index outside of which no document can match a filter. What a filter says besides is
 * left out, since each document found is matched against the complete filter afterwards.
 */
final class IndexBounds {
    private static final int MOST_STRETCHES = 5_000;

    record Stretch(Object[] from, Object[] to) {}

    final List<Stretch> stretches = new ArrayList<>();
    /** How many keys are pinned to values; of branches the fewest. */
    int pinned;
    /** Whether the key after them is bound to a range. */
    boolean ranged;

    private IndexBounds() {}

    /** The more it is, the fewer documents there are to look at. */
    int narrowness() {
        return 2 * pinned + (ranged ? 1 : 0);
    }

    boolean asksForMissing() {
        return stretches.stream().anyMatch(stretch -> stretch.from()[0] == null);
    }

    /** @return null when the filter does not bind the first key. */
    static IndexBounds of(Document filter, List<String> paths) {
        if (filter.get("$or") instanceof Collection<?> branches) {
            IndexBounds each = ofBranches(filter, branches, paths);
            if (each != null) {
                return each;
            }
        }
        return ofConditions(filter, paths);
    }

    private static IndexBounds ofBranches(Document filter, Collection<?> branches, List<String> paths) {
        IndexBounds all = null;
        for (Object branch : branches) {
            if (!(branch instanceof Document conditions)) {
                return null;
            }
            Document merged = filter.clone();
            merged.remove("$or");
            merged.putAll(conditions);
            IndexBounds one = of(merged, paths);
            if (one == null) {
                return null;
            }
            if (all == null) {
                all = one;
                continue;
            }
            all.stretches.addAll(one.stretches);
            all.pinned = Math.min(all.pinned, one.pinned);
            all.ranged |= one.ranged;
        }
        return all;
    }

    private static IndexBounds ofConditions(Document filter, List<String> paths) {
        IndexBounds bounds = new IndexBounds();
        List<Object[]> prefixes = Collections.singletonList(new Object[0]);
        for (String path : paths) {
            FieldCondition condition = filter.containsKey(path) ? FieldCondition.of(filter.get(path)) : null;
            if (condition == null) {
                break;
            }
            if (condition.values() == null) {
                bounds.ranged = true;
                for (Object[] prefix : prefixes) {
                    bounds.stretches.add(new Stretch(and(prefix, condition.from()), and(prefix, condition.to(), IndexKeys.END)));
                }
                return bounds;
            }
            if (prefixes.size() * (long) condition.values().size() > MOST_STRETCHES) {
                break;
            }
            List<Object[]> longer = new ArrayList<>();
            for (Object[] prefix : prefixes) {
                condition.values().forEach(value -> longer.add(and(prefix, value)));
            }
            prefixes = longer;
            bounds.pinned++;
        }
        if (bounds.pinned == 0) {
            return null;
        }
        prefixes.forEach(prefix -> bounds.stretches.add(new Stretch(prefix, and(prefix, IndexKeys.END))));
        return bounds;
    }

    private static Object[] and(Object[] prefix, Object... more) {
        Object[] all = Arrays.copyOf(prefix, prefix.length + more.length);
        System.arraycopy(more, 0, all, prefix.length, more.length);
        return all;
    }
}
