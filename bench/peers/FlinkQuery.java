// One query on a Flink mini cluster, again and again in one process, its rows thrown away. Started from its source: java -cp 'lib/*' FlinkQuery.java
// TABLES.sql QUERY.sql PARALLELISM RUNS. Prints a line of JSON for each run: seconds of the job alone, seconds with planning and the start of the cluster,
// processor seconds, and the most memory that the process has held so far.

import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;

public class FlinkQuery {
  public static void main(String[] arguments) throws Exception {
    var system = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    String tables = Files.readString(Path.of(arguments[0]));
    String query = Files.readString(Path.of(arguments[1]));
    for (int run = 0; run < Integer.parseInt(arguments[3]); run++) {
      Configuration configuration = new Configuration();
      configuration.setString("parallelism.default", arguments[2]);
      configuration.setString("table.local-time-zone", "UTC");
      configuration.setString("pipeline.object-reuse", "true");
      TableEnvironment environment =
          TableEnvironment.create(EnvironmentSettings.newInstance().withConfiguration(configuration).inStreamingMode().build());
      for (String statement : tables.split(";\\s*\\n")) if (!statement.isBlank()) environment.executeSql(statement);
      long processorBefore = system.getProcessCpuTime();
      long before = System.nanoTime();
      var job = environment.executeSql("CREATE TABLE nothing WITH ('connector' = 'blackhole') AS " + query).getJobClient().orElseThrow();
      double jobSeconds = job.getJobExecutionResult().get().getNetRuntime(TimeUnit.MILLISECONDS) / 1e3;
      double wholeSeconds = (System.nanoTime() - before) / 1e9;
      double processorSeconds = (system.getProcessCpuTime() - processorBefore) / 1e9;
      System.out.printf(
          "{\"seconds\": %.3f, \"wholeSeconds\": %.3f, \"cpuSeconds\": %.3f, \"peakBytes\": %d}%n", jobSeconds, wholeSeconds, processorSeconds, peakBytes());
      System.out.flush();
    }
    System.exit(0);
  }

  private static long peakBytes() throws Exception {
    for (String line : Files.readAllLines(Path.of("/proc/self/status")))
      if (line.startsWith("VmHWM:")) return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
    return 0;
  }
}
