package de.bwaldvogel.mongo.backend.h2;

import de.bwaldvogel.mongo.backend.Missing;
import java.time.Instant;

/**
 * The values of which an index keeps an order, and that order: null, numbers, text, booleans, dates.
 * It agrees with how the server compares values of these kinds, which is why there are no others.
 */
final class IndexKeys {
    /** Stands for a value of any other kind. */
    static final Object UNFIT = new Object();

    private static final double EXACT = 1L << 53;
    // Beyond it the server compares fractions as whole numbers, and so has no order of its own.
    private static final double EXACT_FRACTION = 1L << 31;

    /** Before or behind all values of a kind. */
    private record Edge(int rank) {}

    static final Object END = new Edge(Integer.MAX_VALUE);

    private IndexKeys() {}

    static Object of(Object value) {
        if (Missing.isNullOrMissing(value)) {
            return null;
        }
        if (value instanceof Integer || value instanceof Long || value instanceof Double) {
            double number = ((Number) value).doubleValue();
            boolean whole = Math.rint(number) == number;
            // Adding 0 makes -0 the same as 0.
            return Math.abs(number) < (whole ? EXACT : EXACT_FRACTION) ? (Object) (number + 0.0) : UNFIT;
        }
        boolean fit = value instanceof String || value instanceof Boolean || value instanceof Instant;
        return fit ? value : UNFIT;
    }

    static Object before(Object value) {
        return new Edge(rank(value) - 1);
    }

    static Object behind(Object value) {
        return new Edge(rank(value) + 1);
    }

    /** Value by value; what another one begins with comes first. */
    static int compare(Object[] a, Object[] b) {
        for (int i = 0; i < Math.min(a.length, b.length); i++) {
            int order = compareValues(a[i], b[i]);
            if (order != 0) {
                return order;
            }
        }
        return Integer.compare(a.length, b.length);
    }

    @SuppressWarnings("unchecked")
    private static int compareValues(Object a, Object b) {
        int order = Integer.compare(rank(a), rank(b));
        return order != 0 || !(a instanceof Comparable) ? order : ((Comparable<Object>) a).compareTo(b);
    }

    private static int rank(Object value) {
        if (value == null) {
            return 0;
        }
        if (value instanceof Edge edge) {
            return edge.rank();
        }
        return value instanceof Double ? 2 : value instanceof String ? 4 : value instanceof Boolean ? 6 : 8;
    }
}
