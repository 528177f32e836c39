import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Artifact, fetched } from './cache.ts';
import { runTool } from './tools.ts';

interface JavaServer {
  readonly name: string;
  /** Maven coordinates, `group:artifact:version`. */
  readonly dependencies: readonly string[];
}

const kafka: JavaServer = {
  name: 'kafka-3.9.1',
  // slf4j-simple: without a binding Kafka logs nothing. Its version is that of Kafka's slf4j-api.
  dependencies: ['org.apache.kafka:kafka_2.13:3.9.1', 'org.slf4j:slf4j-simple:1.7.36'],
};

const dynamodbLocal: JavaServer = {
  name: 'dynamodb-local-2.6.1',
  dependencies: ['com.amazonaws:DynamoDBLocal:2.6.1'],
};

/** Folder of Kafka's jars. */
export async function kafkaJars(): Promise<string> {
  return jars(kafka);
}

/** Folder of DynamoDB Local's jars and native library. Amazon's licence: to use, not to pass on. */
export async function dynamodbLocalJars(): Promise<string> {
  return jars(dynamodbLocal);
}

async function jars(server: JavaServer): Promise<string> {
  const artifact: Artifact = {
    name: server.name,
    make: async (folder) => {
      writeFileSync(join(folder, 'pom.xml'), pom(server));
      const quiet = ['--batch-mode', '--no-transfer-progress', '--quiet'];
      // Overwriting, since a copy that was cut short looks like a jar; Maven's own repository saves the second download.
      const options = ['-DincludeScope=runtime', '-DoutputDirectory=lib', '-DoverWriteReleases=true'];
      const copy = ['dependency:copy-dependencies', ...options];
      await runTool({ command: 'mvn', args: [...quiet, ...copy], cwd: folder, show: true });
    },
  };
  return join(await fetched(artifact), 'lib');
}

function pom({ name, dependencies }: JavaServer): string {
  const entries = dependencies.map((coordinates) => {
    const [group, artifact, version] = coordinates.split(':');
    return `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`;
  });
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>test-stack</groupId><artifactId>${name}</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>${entries.join('\n    ')}</dependencies>
</project>
`;
}
