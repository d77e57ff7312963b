/* SPDX-License-Identifier: MIT
 * The main of a fuzz target that is built without a fuzzer: one input from each file of its arguments, or from
 * standard input. Included behind the target's INPUT_MAX, with <stdio.h> and <stdlib.h>. */
static int run(FILE *file)
{
	static unsigned char data[INPUT_MAX + 1];
	size_t size = fread(data, 1, sizeof data, file);
	return LLVMFuzzerTestOneInput(data, size);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return run(stdin);
	for (int i = 1; i < argc; i++) {
		FILE *file = fopen(argv[i], "rb");
		if (!file) {
			perror(argv[i]);
			return EXIT_FAILURE;
		}
		run(file);
		fclose(file);
	}
	return EXIT_SUCCESS;
}
