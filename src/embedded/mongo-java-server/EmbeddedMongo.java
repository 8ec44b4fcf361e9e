import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.backend.h2.PinnedKeyBackend;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.wire.message.MongoMessage;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Set;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.h2.mvstore.MVStore;

/**
 * {@code EmbeddedMongo PORT FILE}: a MongoDB on 127.0.0.1 that keeps its data in FILE and never
 * answers a write before it is in the file. Prints {@code READY <port>}; ends on SIGTERM and when
 * its standard input closes, so that it does not outlive its owner.
 */
public final class EmbeddedMongo {
    // One thread for each connection of a busy driver pool: a thread that waits for its commit
    // must not hold up another connection.
    private static final int HANDLER_THREADS = 48;

    // Longer than several syncs: what the disk does not have yet is not written over.
    private static final int REUSE_AFTER_MS = 5_000;
    private static final long TIDY_INTERVAL_MS = 1_000;
    private static final int TIDY_FILL_PERCENT = 50;
    // Small: writers wait meanwhile.
    private static final int TIDY_WRITE_BYTES = 1 << 20;

    private EmbeddedMongo() {}

    public static void main(String[] args) throws IOException {
        int port = Integer.parseInt(args[0]);
        MVStore store = openStore(args[1]);
        DurableBackend backend = new DurableBackend(store);
        MongoServer server = new MongoServer(backend);
        server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 1, HANDLER_THREADS);
        startTidying(backend);
        Runtime.getRuntime().addShutdownHook(new Thread(backend::stop, "close-store"));
        System.out.println("READY " + server.getLocalAddress().getPort());
        exitWhenOwnerIsGone();
    }

    /** No commit except our own: one in the middle of an operation could part a document from its index. */
    private static MVStore openStore(String file) {
        MVStore store = new MVStore.Builder()
                .fileName(file)
                .autoCommitDisabled()
                .autoCommitBufferSize(0)
                .keysPerPage(16)
                .open();
        store.setRetentionTime(REUSE_AFTER_MS);
        return store;
    }

    private static void startTidying(DurableBackend backend) {
        Thread thread = new Thread(() -> {
            while (true) {
                try {
                    Thread.sleep(TIDY_INTERVAL_MS);
                } catch (InterruptedException stop) {
                    return;
                }
                backend.tidy();
            }
        }, "tidy-store");
        thread.setDaemon(true);
        thread.start();
    }

    private static void exitWhenOwnerIsGone() throws IOException {
        while (System.in.read() >= 0) {
            // Only the end of the stream matters.
        }
        System.exit(0);
    }

    /**
     * Commits before it answers. Writers are applied one after another; those that were applied
     * while another one's commit ran share the next commit, which is what makes it affordable.
     * Answers are copies: the server changes documents where they lie and encodes an answer only after
     * it was given, so a reader could be sent a document that is half old and half new.
     */
    private static final class DurableBackend extends PinnedKeyBackend {
        private static final Set<String> READS = Set.of(
                "find", "getMore", "killCursors", "count", "distinct", "listCollections", "listIndexes", "listDatabases",
                "hello", "isMaster", "ismaster", "ping", "buildInfo", "buildinfo", "endSessions", "serverStatus");

        // Fair: a committer queues behind the writers that are already waiting, and so takes them along.
        private final ReentrantLock applying = new ReentrantLock(true);
        private final ReentrantLock committing = new ReentrantLock();
        // Fair as well: a stream of readers must not keep a writer out.
        private final ReentrantReadWriteLock documents = new ReentrantReadWriteLock(true);
        private final MVStore store;
        private long applied;
        private volatile long committed;
        private long tidied;

        DurableBackend(MVStore store) {
            super(store);
            this.store = store;
        }

        @Override
        public Document handleMessage(MongoMessage message) {
            if (READS.contains(message.getDocument().keySet().iterator().next())) {
                return answer(message, documents.readLock());
            }
            long mine;
            applying.lock();
            try {
                return answer(message, documents.writeLock());
            } finally {
                mine = ++applied;
                applying.unlock();
                commitThrough(mine);
            }
        }

        private Document answer(MongoMessage message, Lock lock) {
            lock.lock();
            try {
                return super.handleMessage(message).cloneDeeply();
            } finally {
                lock.unlock();
            }
        }

        private void commitThrough(long mine) {
            committing.lock();
            try {
                if (committed >= mine) {
                    return;
                }
                applying.lock();
                try {
                    store.commit();
                    committed = applied;
                } finally {
                    applying.unlock();
                }
            } finally {
                committing.unlock();
            }
        }

        /**
         * Every commit appends to the file, so the live rest of mostly dead stretches is rewritten
         * and their space used again, once it has been dead for a while. The sync before lets the
         * disk catch up: commits themselves do not wait for it.
         */
        void tidy() {
            if (committed == tidied) {
                return;
            }
            tidied = committed;
            store.sync();
            applying.lock();
            try {
                store.compact(TIDY_FILL_PERCENT, TIDY_WRITE_BYTES);
            } finally {
                applying.unlock();
            }
        }

        /** The lock is kept on purpose: nothing may be applied to a closed store. */
        void stop() {
            applying.lock();
            store.sync();
            store.closeImmediately();
        }
    }
}
