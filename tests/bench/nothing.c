/* SPDX-License-Identifier: MIT
 * The static program that is started again and again. */
int main(void)
{
	return 0;
}
