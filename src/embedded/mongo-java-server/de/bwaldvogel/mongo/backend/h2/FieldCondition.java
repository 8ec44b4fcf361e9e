package de.bwaldvogel.mongo.backend.h2;

import de.bwaldvogel.mongo.bson.Document;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;

/** What a filter says of one field: some values, or (values is null) a range within one kind of values. */
record FieldCondition(List<Object> values, Object from, Object to) {
    /** @return null when it says nothing that an index could use. */
    static FieldCondition of(Object said) {
        if (!(said instanceof Document operators)) {
            return oneOf(Collections.singletonList(said));
        }
        if (operators.containsKey("$eq")) {
            return oneOf(Collections.singletonList(operators.get("$eq")));
        }
        if (operators.get("$in") instanceof Collection<?> values) {
            return oneOf(values);
        }
        if (Boolean.FALSE.equals(operators.get("$exists"))) {
            return oneOf(Collections.singletonList(null));
        }
        return between(
                IndexKeys.of(operators.get(operators.containsKey("$gt") ? "$gt" : "$gte")),
                IndexKeys.of(operators.get(operators.containsKey("$lt") ? "$lt" : "$lte")));
    }

    private static FieldCondition oneOf(Collection<?> said) {
        List<Object> values = new ArrayList<>();
        for (Object value : said) {
            Object key = IndexKeys.of(value);
            if (key == IndexKeys.UNFIT) {
                return null;
            }
            values.add(key);
        }
        return new FieldCondition(values, null, null);
    }

    /** Both ends belong to it: what is just outside of the filter is left out when documents are matched. */
    private static FieldCondition between(Object low, Object high) {
        if (low == IndexKeys.UNFIT || high == IndexKeys.UNFIT || (low == null && high == null)) {
            return null;
        }
        return new FieldCondition(
                null,
                low == null ? IndexKeys.before(high) : low,
                high == null ? IndexKeys.behind(low) : high);
    }
}
